"""Arrays and tables for a script that inference-schema decorates: they go to the parameter that is made for them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.lmd_command import free_port
from support.user_environment import _REQUIREMENTS, interpreter

from localmodel import Client, Deployment, ScoringError, UserError

SCRIPT = """
import numpy, pandas
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema

TABLE = pandas.DataFrame({"age": [31], "city": ["Oslo"]})

def init():
    pass

"""
ROWS = """
@input_schema("rows", NumpyParameterType(numpy.array([[1.0, 2.0]])))
def run(rows):
    return rows.sum(axis=1).tolist()
"""
PEOPLE = """
@input_schema("people", PandasParameterType(TABLE, orient="split"))
def run(people):
    return people["city"].tolist()
"""
POWER_BI = """
@input_schema("Inputs", StandardPythonParameterType({"data": PandasParameterType(TABLE)}))
@input_schema("GlobalParameters", StandardPythonParameterType(1.0))
def run(Inputs, GlobalParameters=2.0):
    return [Inputs["data"]["age"].tolist(), GlobalParameters]
"""
TWO = """
@input_schema("left", NumpyParameterType(numpy.array([[1.0]])))
@input_schema("right", NumpyParameterType(numpy.array([[1.0]])))
def run(left, right):
    return (left + right).tolist()
"""
PERSON = pd.DataFrame({"age": [52], "city": ["Rome"]})


@pytest.fixture(name="digits", scope="module")
def given_digits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A deployment whose environment has inference-schema."""
    folder = tmp_path_factory.mktemp("schema")
    (folder / "home").mkdir()
    (folder / "home" / "environments").symlink_to(Path(interpreter()).parents[2])
    (folder / "score.py").write_text(SCRIPT + ROWS)
    with pytest.MonkeyPatch.context() as patch, Client() as client:
        patch.setenv("LOCALMODEL_HOME", str(folder / "home"))
        digits = client.deploy("digits", folder / "score.py", environment=_REQUIREMENTS, port=free_port())
        yield digits
        digits.delete()


def serve(digits: Deployment, run: str) -> None:
    source = Path(digits.manifest["metadata"]["annotations"]["localmodel.dev/source"])
    source.write_text(SCRIPT + run)
    digits.reload()


def test_an_array(digits: Deployment) -> None:
    serve(digits, ROWS)
    assert digits.score(np.array([[1, 2], [3, 4]])) == [3.0, 7.0]
    with pytest.raises(ScoringError, match="size 3 on dimension #1") as caught:
        digits.score(np.ones((1, 3)))
    assert caught.value.status == 400


def test_a_table_in_the_orient_of_its_schema(digits: Deployment) -> None:
    serve(digits, PEOPLE)
    assert digits.score(PERSON) == ["Rome"]


def test_a_table_inside_another_value(digits: Deployment) -> None:
    serve(digits, POWER_BI)
    assert digits.score(PERSON) == [[52], 2.0]


def test_of_two_arrays_the_names_are_needed(digits: Deployment) -> None:
    serve(digits, TWO)
    with pytest.raises(UserError, match=r"\(left, right\)|\(right, left\)"):
        digits.score(np.eye(1))
    assert digits.score({"left": np.eye(1), "right": np.eye(1)}) == [[2.0]]
