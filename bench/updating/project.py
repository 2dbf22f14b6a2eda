"""The deployed project: a script, a model, a variable, packages; and an answer that names the version of each."""

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from updating.site import SAMPLE

MODEL = SAMPLE / "sklearn_mnist_model.pkl"
REQUEST = (SAMPLE / "request.json").read_bytes()
PYTHON = "3.11"
# Small packages without dependencies; each round adds a new one.
PACKAGES = ("iniconfig==2.1.0", "tabulate==0.9.0", "toml==0.10.2", "colorama==0.4.6", "wcwidth==0.2.13")

_SCRIPT = """
import importlib.util
import json
import os
from pathlib import Path

import joblib
import numpy as np

CODE = {code}
PACKAGES = {packages}


def init():
    global model, state
    folder = next(Path(os.environ["AZUREML_MODEL_DIR"]).rglob("weights.bin")).parent
    model = joblib.load(folder / "sklearn_mnist_model.pkl")
    state = {{
        "code": CODE,
        "variable": int(os.environ["EDIT"]),
        "model": int((folder / "weights.bin").read_bytes()[:16]),
        "packages": sum(importlib.util.find_spec(name) is not None for name in PACKAGES),
    }}


def run(raw_data):
    pictures = np.array(json.loads(raw_data)["data"])
    return {{"state": state, "digits": model.predict(pictures).tolist()}}
"""


@dataclass(frozen=True)
class Wanted:
    """One state of the project, in numbers that only grow. `model_bytes` is the size of the file beside the model."""

    code: int = 1
    variable: int = 1
    model: int = 1
    packages: int = 0
    model_bytes: int = 16

    @property
    def answer(self) -> dict[str, int]:
        """The `state` in the answer."""
        return {name: value for name, value in asdict(self).items() if name != "model_bytes"}

    @property
    def requirements(self) -> tuple[str, ...]:
        """The packages that were added."""
        return PACKAGES[: self.packages]


def state_of(body: bytes) -> Any:
    """The `state` in an answer."""
    return json.loads(body)["state"]


def script(wanted: Wanted) -> str:
    names = tuple(package.partition("==")[0] for package in PACKAGES)
    return _SCRIPT.format(code=wanted.code, packages=names)


def write_model(folder: Path, wanted: Wanted) -> None:
    """A folder with the sample's model, and a file of random bytes that no node has yet."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(MODEL, folder)
    content = f"{wanted.model:016d}".encode() + os.urandom(wanted.model_bytes - 16)
    (folder / "weights.bin").write_bytes(content)
