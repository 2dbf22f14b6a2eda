"""Trains the sample's model on the patients that come with scikit-learn, and writes it as ONNX: no download.

Run it in an environment with requirements-train.txt; what serves the model needs none of these packages.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import train_test_split

HERE = Path(__file__).parent


def main():
    """Train, tell the error on patients the training did not see, and write the model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=HERE / "diabetes.onnx", help="where the model goes")
    parser.add_argument("--request", type=Path, help="also write a request with two unseen patients")
    arguments = parser.parse_args()

    patients, progression = load_diabetes(return_X_y=True, scaled=False)
    training, unseen, training_target, unseen_target = train_test_split(
        patients, progression, test_size=0.2, random_state=0
    )
    model = GradientBoostingRegressor(n_estimators=80, max_depth=2, learning_rate=0.1, random_state=0)
    model.fit(training, training_target)
    error = mean_absolute_error(unseen_target, model.predict(unseen))
    guess = np.abs(unseen_target - training_target.mean()).mean()
    print(f"off by {error:.1f} on {len(unseen)} unseen patients; always guessing the mean: {guess:.1f}")
    onnx = to_onnx(model, initial_types=[("patients", FloatTensorType([None, patients.shape[1]]))])
    arguments.output.write_bytes(onnx.SerializeToString())
    print(f"wrote {arguments.output}")

    if arguments.request:
        arguments.request.write_text(json.dumps({"data": unseen[:2].round(2).tolist()}) + "\n")
        print(f"wrote {arguments.request}")


if __name__ == "__main__":
    main()
