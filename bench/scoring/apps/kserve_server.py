"""The model on KServe's SDK; its version 1 and version 2 (Open Inference) protocols."""

import os
from pathlib import Path
from typing import Any

import joblib
import kserve
import numpy as np
from kserve.utils.utils import generate_uuid


class Digits(kserve.Model):
    def load(self) -> bool:
        self.model = joblib.load(Path(os.environ["AZUREML_MODEL_DIR"]) / "model.joblib")
        self.ready = True
        return True

    def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        if isinstance(payload, dict):
            return {"predictions": self.model.predict(np.asarray(payload["instances"])).tolist()}
        labels = self.model.predict(payload.inputs[0].as_numpy())
        output = kserve.InferOutput("labels", list(labels.shape), "INT64")
        output.set_data_from_numpy(labels, binary_data=True)
        return kserve.InferResponse(payload.id or generate_uuid(), self.name, [output])


if __name__ == "__main__":
    model = Digits("digits")
    model.load()
    kserve.ModelServer().start([model])
