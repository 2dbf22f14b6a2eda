"""Says which digit a 28x28 picture shows."""

import json
import os
from pathlib import Path

import joblib
import numpy as np


def init():
    """Runs once in each worker, before the first request."""
    global model
    # With one model in the deployment this is the folder of its version.
    folder = Path(os.environ["AZUREML_MODEL_DIR"])
    model = joblib.load(folder / "sklearn_mnist_model.pkl")


def run(raw_data):
    """Takes {"data": [[784 pixels from 0 to 1], ...]} and returns one digit for each row."""
    pictures = np.array(json.loads(raw_data)["data"])
    return model.predict(pictures).tolist()
