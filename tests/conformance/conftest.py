"""Servers for the clients to talk to, started once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from clients import interpreter
from support.server.scoring_server_process import ScoringServer, write_script

ECHO = """
import json

def init():
    pass

def run(raw_data):
    content = json.loads(raw_data)
    return content.get("data", content) if isinstance(content, dict) else content
"""
ARRAYS = """
import numpy
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema, output_schema

def init():
    pass

@input_schema("x", NumpyParameterType(numpy.array([[1.0, 2.0]])))
@output_schema(NumpyParameterType(numpy.array([[1.0, 2.0]])))
def run(x):
    return (2 * x).tolist()
"""
TABLES = """
import pandas
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.schema_decorators import input_schema

def init():
    pass

@input_schema("frame", PandasParameterType(pandas.DataFrame({"number": [1], "word": ["a"]})))
def run(frame):
    return {"twice": (2 * frame["number"]).tolist(), "upper": frame["word"].str.upper().tolist()}
"""


@pytest.fixture(scope="session")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of a server whose script has no schema and gives back what it gets."""
    yield from _serve(tmp_path_factory, ECHO)


@pytest.fixture(scope="session")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of a server whose script doubles a numpy array of two columns."""
    yield from _serve(tmp_path_factory, ARRAYS)


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of a server whose script takes a pandas table, and gives back a list a column."""
    yield from _serve(tmp_path_factory, TABLES)


def _serve(factory: pytest.TempPathFactory, script: str) -> Iterator[str]:
    folder = factory.mktemp("server")
    environment = {
        **write_script(folder / "code", script),
        "LOCALMODEL_PYTHON": str(interpreter("entry_script")),
        "LOCALMODEL_REVISION": "7",
        "LOCALMODEL_MODEL_NAME": "digits",
    }
    with ScoringServer(folder, environment) as server:
        server.wait_until_ready()
        yield f"127.0.0.1:{server.port}"
