"""Every route, asked with what its documentation allows and forbids, answers as it says there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from fault_scripts import MODEL
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from support.server.scoring_server_process import ScoringServer, write_script
from support.user_environment import interpreter

ROWS = """
import numpy
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema, output_schema

def init(): ...

@input_schema("x", NumpyParameterType(numpy.array([[1.0, 2.0]])))
@output_schema(NumpyParameterType(numpy.array([1.0])))
def run(x):
    return [0.0] * len(x)
"""
TABLE = """
import pandas
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema

def init(): ...

@input_schema("frame", PandasParameterType(pandas.DataFrame({"number": [1], "word": ["a"]})))
@input_schema("times", StandardPythonParameterType(1))
def run(frame, times=2):
    return {"rows": len(frame), "times": str(times)}
"""
TEXT = "import json\ndef init(): ...\ndef run(raw_data):\n    return len(raw_data)\n"
# The protocols' documents know nothing of the script, which decides what it takes; the first one does not know of 431.
# Of the answers that begin with a 5, the protocol of repositories has 501.
NOT_CHECKED = [negative_data_rejection, positive_data_acceptance, not_a_server_error]


@pytest.fixture(scope="module", params=[ROWS, TABLE, TEXT], ids=["numpy", "pandas", "text"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoringServer]:
    folder = tmp_path_factory.mktemp("documented")
    variables = write_script(folder / "app", request.param) | {"LOCALMODEL_MODEL_NAME": MODEL}
    if "inference_schema" in request.param:
        variables["LOCALMODEL_PYTHON"] = interpreter()
    with ScoringServer(folder, variables) as server:
        yield server.wait_until_ready()
        assert "Traceback" not in server.log, server.log[server.log.index("Traceback") - 300 :]


def test_answers_are_as_documented(server: ScoringServer) -> None:
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{server.port}/openapi.json")
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) > 15
    for operation in operations:
        for mode in GenerationMode:

            @given(case=operation.as_strategy(generation_mode=mode))
            @settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
            def ask(case: schemathesis.Case) -> None:
                response = case.call_and_validate(excluded_checks=NOT_CHECKED)
                assert response.status_code < 500 or response.status_code == 501, response.text

            try:
                ask()
            except Unsatisfiable:
                assert mode.is_negative, operation.label  # every input is allowed
