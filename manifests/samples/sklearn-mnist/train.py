"""Trains the sample's model on the digits that come with scikit-learn: no download, the same model every time.

Run it with the environment of deployment.yaml: the pickle is read with the packages it was written with.
"""

import argparse
import json
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

HERE = Path(__file__).parent


def as_28x28(images):
    """Pictures of shape (n, 8, 8) with values 0 to 16 as rows of 28 * 28 values from 0 to 1."""
    enlarged = images.repeat(3, axis=1).repeat(3, axis=2) / 16
    return np.pad(enlarged, ((0, 0), (2, 2), (2, 2))).reshape(len(images), -1)


def main():
    """Train, tell the accuracy on pictures the training did not see, and write the model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=HERE / "sklearn_mnist_model.pkl", help="where the model goes")
    parser.add_argument("--request", type=Path, help="also write a request with an unseen picture of a 2")
    arguments = parser.parse_args()

    digits = load_digits()
    training, unseen, training_labels, unseen_labels = train_test_split(
        as_28x28(digits.images), digits.target, test_size=0.2, random_state=0, stratify=digits.target
    )
    model = LogisticRegression(max_iter=1000).fit(training, training_labels)
    print(f"accuracy on {len(unseen)} unseen pictures: {model.score(unseen, unseen_labels):.3f}")
    joblib.dump(model, arguments.output)
    print(f"wrote {arguments.output}")

    if arguments.request:
        picture = unseen[unseen_labels == 2][0].round(1)
        arguments.request.write_text(json.dumps({"data": [picture.tolist()]}) + "\n")
        print(f"wrote {arguments.request}")


if __name__ == "__main__":
    main()
