"""The model as a BentoML service. BENCH_WORKERS and BENCH_BATCH (1 or 0) are its settings."""

import os
from pathlib import Path

import bentoml
import joblib
import numpy as np


@bentoml.service(
    workers=int(os.environ["BENCH_WORKERS"]),
    logging={"access": {"enabled": False}},
    metrics={"enabled": False},
)
class Digits:
    def __init__(self) -> None:
        self.model = joblib.load(Path(os.environ["AZUREML_MODEL_DIR"]) / "model.joblib")

    @bentoml.api(batchable=os.environ["BENCH_BATCH"] == "1", max_batch_size=1024)
    def predict(self, data: np.ndarray) -> np.ndarray:
        return self.model.predict(data)
