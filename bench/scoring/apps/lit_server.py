"""The model on LitServe. Arguments: port, workers, largest batch."""

import os
import sys
from pathlib import Path
from typing import Any

import joblib
import litserve
import numpy as np


class Digits(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.model = joblib.load(Path(os.environ["AZUREML_MODEL_DIR"]) / "model.joblib")

    def decode_request(self, request: dict[str, Any]) -> Any:
        return np.asarray(request["data"])

    def predict(self, x: Any) -> Any:
        return self.model.predict(x)

    def encode_response(self, output: Any) -> Any:
        return output.tolist()


class DigitsInBatches(Digits):
    """Batches as in the documentation: batch() joins the requests, unbatch() splits the answers."""

    def batch(self, inputs: list[Any]) -> Any:
        self.sizes = [len(rows) for rows in inputs]
        return np.concatenate(inputs)

    def unbatch(self, output: Any) -> Any:
        return np.split(output, np.cumsum(self.sizes)[:-1])


if __name__ == "__main__":
    port, workers, largest = map(int, sys.argv[1:])
    api = Digits() if largest == 1 else DigitsInBatches(max_batch_size=largest, batch_timeout=0.002)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=workers, fast_queue=True)
    server.run(host="127.0.0.1", port=port, generate_client_file=False, log_level="warning")
