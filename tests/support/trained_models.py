"""Models as their users save them, made in environments of their own by two generations of the libraries.

Each has its own library's answers beside it, so that what a script answers can be compared.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from localmodel.environments.locks import lock as locks
from localmodel.environments.venvs import venv
from localmodel.resource.spec import EnvironmentSpec
from support.cache_folder import CACHE

_BOTH = ("inference-schema==1.8", "pandas", "onnxruntime")
GENERATIONS = {
    "new": (
        *("scikit-learn==1.9.1", "xgboost-cpu==3.2.0", "lightgbm==4.6.0", "skl2onnx==1.20.0", "skops==0.16.0"),
        "mlflow-skinny==3.17.2",
    ),
    # As far back as there are wheels for Python 3.11.
    "old": (
        *("scikit-learn==1.1.3", "numpy<2", "scipy<1.12", "xgboost==1.7.6", "lightgbm==3.3.5", "skops==0.9.0"),
        *("skl2onnx==1.14.1", "onnx<1.15", "mlflow-skinny==2.3.2", "setuptools<80"),
    ),
}
# Threads only wait for each other where the processors are busy.
QUIET = {"PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1"}


class Answered(NamedTuple):
    """A body for /score, and what the model's own library answers to it."""

    body: Any
    answer: Any


@functools.cache
def interpreter(generation: str) -> Path:
    """The Python of the environment in which models of this generation are made."""
    spec = EnvironmentSpec("3.11", (*GENERATIONS[generation], *_BOTH))
    lock = asyncio.run(locks.resolve(spec, None, CACHE / "locks"))
    return asyncio.run(venv.build(lock, spec.python, CACHE / "environments"))


def train(generation: str, folder: Path) -> dict[str, Answered]:
    """Save one model of each kind into the folder; returns by path there what is asked of it and answered."""
    program = Path(__file__).with_name("train_models.py")
    tracking = {"MLFLOW_TRACKING_URI": (folder / "runs").as_uri()}
    run(interpreter(generation), [str(program), str(folder)], {**os.environ, **QUIET, **tracking})
    told: Mapping[str, list[Any]] = json.loads((folder / "answers.json").read_text())
    return {name: Answered(*each) for name, each in told.items()}


def run(python: Path, arguments: list[str], environment: Mapping[str, str]) -> str:
    """The output of a program; its errors are the test's. It imports nothing from the folder that it lies in."""
    done = subprocess.run(
        [python, "-P", *arguments], capture_output=True, text=True, env=dict(environment), check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
