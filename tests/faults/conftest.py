"""Scoring servers to misuse, and where their helpers are."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "integration"))

from scoring_server_process import ScoringServer, write_script
from user_environment import interpreter

MODEL = "m"
ECHO = """
import json
import os
import time


def init():
    pass


def run(raw_data):
    data = json.loads(raw_data)
    if isinstance(data, dict) and "seconds" in data:
        time.sleep(data["seconds"])
    return data
"""
ROWS = """
import ctypes
import os
import time
import numpy
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema, output_schema


def init():
    pass


@input_schema("x", NumpyParameterType(numpy.array([[1.0, 2.0]])))
@output_schema(NumpyParameterType(numpy.array([[1.0, 2.0]])))
def run(x):
    if (x == 666).any():
        ctypes.string_at(0)
    if (x == 667).any():
        raise ValueError("not this one")
    time.sleep(0.01)
    return (2 * x).tolist()
"""
HTTP = """
from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse


def init():
    pass


@rawhttp
def run(request):
    return AMLResponse(request.get_data(), 200)
"""


@contextmanager
def _serving(folder: Path, script: str, **variables: str) -> Iterator[ScoringServer]:
    with ScoringServer(folder, {**write_script(folder / "app", script), **variables}) as server:
        server.wait_until_ready()
        yield server
        assert server.process.poll() is None, server.log
        assert server.get("/readyz").status == 200
        assert "error in the server" not in server.log
        assert "Exception in ASGI" not in server.log


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoringServer]:
    """A server whose script gives back what it gets, after data["seconds"]; every test leaves it as it was."""
    with _serving(tmp_path_factory.mktemp("echo"), ECHO, LOCALMODEL_MODEL_NAME=MODEL) as server:
        yield server
        assert server.score({"well": True}).json == {"well": True}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoringServer]:
    """A server whose script doubles a numpy array of two columns; it crashes at 666 and raises at 667."""
    folder = tmp_path_factory.mktemp("rows")
    with _serving(folder, ROWS, LOCALMODEL_PYTHON=interpreter(), LOCALMODEL_MODEL_NAME=MODEL) as server:
        yield server


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoringServer]:
    """A server whose script gets the request itself (rawhttp), and gives back its body."""
    with _serving(tmp_path_factory.mktemp("raw"), HTTP, LOCALMODEL_MODEL_NAME=MODEL) as server:
        yield server
