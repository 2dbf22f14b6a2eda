"""The entry script as in Azure's examples, where run() gets the request's text."""

import json
import os
from pathlib import Path
from typing import Any

import joblib
import numpy as np

model: Any = None


def init() -> None:
    global model
    model = joblib.load(Path(os.environ["AZUREML_MODEL_DIR"]) / "model.joblib")


def run(raw_data: str) -> Any:
    data = np.array(json.loads(raw_data)["data"])
    return model.predict(data).tolist()
