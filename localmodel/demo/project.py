"""The demo's own copy of a sample, which it edits."""

import re
import shutil
from pathlib import Path

from localmodel.disk import files, home
from localmodel.shipped import samples

NAME = "sklearn-mnist"
MODEL = "sklearn_mnist"
MODEL_FILE = "sklearn_mnist_model.pkl"
ANSWER = "return model.predict(pictures).tolist()"
CHANGED_ANSWER = 'return {"digit": int(model.predict(pictures)[0])}'


def folder() -> Path:
    """Where the copy is."""
    return home.home() / "demo" / NAME


def write() -> None:
    """Write the sample's files; a model that was trained before stays.

    The sample has the port that the documentation shows, while the demo takes one that is free.
    """
    for name, content in samples.files(NAME).items():
        files.write(folder() / name, content)
    _replace("deployment.yaml", r"  service:\n    localPort: \d+\n", "")


def use(version: int) -> None:
    """Name the version of the model in the manifest."""
    _replace("deployment.yaml", r"version: \d+", f"version: {version}")


def change_answer() -> None:
    """Edit the script, so that it answers with an object."""
    _replace("score.py", re.escape(ANSWER), CHANGED_ANSWER)


def remove() -> None:
    """Remove the copy."""
    shutil.rmtree(folder(), ignore_errors=True)


def _replace(name: str, pattern: str, text: str) -> None:
    path = folder() / name
    changed, count = re.subn(pattern, lambda _: text, path.read_text())
    assert count == 1, f"the sample's {name} no longer has {pattern}"  # noqa: S101 - both are in this package
    files.write(path, changed.encode())
