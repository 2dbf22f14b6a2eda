import json
import os
from pathlib import Path

import cleaning  # noqa: F401 - the pickle names its class
import joblib


def init():
    global model
    model = joblib.load(Path(os.environ["AZUREML_MODEL_DIR"]) / "model.pkl")


def run(raw_data):
    return model.predict(json.loads(raw_data)["data"]).tolist()
