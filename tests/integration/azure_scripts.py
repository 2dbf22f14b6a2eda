"""Servers of entry scripts as they are written for Azure ML."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.server.scoring_server_process import ScoringServer, write_script
from support.user_environment import interpreter

JSON = {"content-type": "application/json"}
STRICT = {"LOCALMODEL_STRICT_PARITY": "true"}
NUMPY = """
import datetime
import json
import numpy
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema

def init():
    pass
"""
PANDAS = (
    NUMPY
    + """
import pandas
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
"""
)
RAWHTTP = """
import json
from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse

def init():
    pass
"""


@contextmanager
def serving(folder: Path, script: str, **variables: str) -> Iterator[ScoringServer]:
    """A ready server of the script; one that uses inference-schema runs in an environment that has it."""
    environment = write_script(folder / "app", script)
    if "inference_schema" in script:
        environment["LOCALMODEL_PYTHON"] = interpreter()
    with ScoringServer(folder, {**environment, **variables}) as server:
        yield server.wait_until_ready()
