import json
import os
from pathlib import Path

import numpy as np
import onnxruntime


def init():
    global session, labels
    folder = Path(os.environ["AZUREML_MODEL_DIR"])
    folder = next(folder.rglob("model.onnx")).parent
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
    labels = json.loads((folder / "labels.json").read_text())


def run(raw_data):
    rows = np.asarray(json.loads(raw_data)["data"], dtype="float32")
    return [labels[label] for label in session.run(None, {"X": rows})[0]]
