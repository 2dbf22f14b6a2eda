"""The entry script with a declared schema, so that run() gets an array."""

import os
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema, output_schema

model: Any = None


def init() -> None:
    global model
    model = joblib.load(Path(os.environ["AZUREML_MODEL_DIR"]) / "model.joblib")


@input_schema("data", NumpyParameterType(np.zeros((1, 784))))
@output_schema(NumpyParameterType(np.zeros(1, dtype=np.int64)))
def run(data: Any) -> Any:
    return model.predict(data).tolist()
