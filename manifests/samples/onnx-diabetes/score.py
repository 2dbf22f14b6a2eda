"""Foretells how far a patient's diabetes will have gone in a year, from ten measurements."""

import os
from pathlib import Path

import numpy as np
import onnxruntime
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema, output_schema

# age, sex (1 or 2), body mass index, blood pressure, and six values of the blood serum
PATIENT = np.array([[59.0, 2.0, 32.1, 101.0, 157.0, 93.2, 38.0, 4.0, 4.86, 87.0]], dtype=np.float32)


def init():
    """Runs once in each worker, before the first request."""
    global session
    folder = Path(os.environ["AZUREML_MODEL_DIR"])
    session = onnxruntime.InferenceSession(folder / "diabetes.onnx", providers=["CPUExecutionProvider"])


@input_schema("data", NumpyParameterType(PATIENT))
@output_schema(NumpyParameterType(np.array([190.0])))
def run(data):
    """Takes {"data": [[10 measurements], ...]}, here as an array already, and returns one number for each row."""
    (progression,) = session.run(None, {"patients": data})
    return progression.ravel().astype(float).round(1).tolist()
