import json
import os
from pathlib import Path

import joblib
import pandas as pd


def init():
    global model
    model = joblib.load(Path(os.environ["AZUREML_MODEL_DIR"]) / "model.pkl")


def run(raw_data):
    frame = pd.DataFrame(json.loads(raw_data)["data"])
    frame["plan"] = frame["plan"].astype(pd.CategoricalDtype(["basic", "pro", "team"]))
    return model.predict_proba(frame)[:, 1].tolist()
