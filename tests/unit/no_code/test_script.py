"""The generated script: plain Python, whatever names the model has."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

import pandas as pd
import pytest

from localmodel import entry_script
from localmodel.no_code import params, script
from localmodel.no_code.description import Description, Loading
from localmodel.no_code.inputs import Array, Arrays, Column, Inputs, Table, Texts, Untyped
from localmodel.no_code.params import Parameter
from localmodel.no_code.run_schema import of_inputs, parameter

LOADING = Loading(
    ("import joblib",), ("model = joblib.load(path)",), "np.asarray(predict(data)).tolist()", "", "predict"
)
NAMES = ('a"b', "a'b", "a\\", "a\nb", "ä€😀", "\u2028", '"""', "'\"", "class")


def written(inputs: Inputs, file: str = "model.pkl", name: str = "demo") -> str:
    return script.write(Description("sklearn", file, LOADING, inputs, (), "3.11"), name)


@pytest.mark.parametrize(
    "inputs",
    [
        Arrays((Array((-1, 2)),)),
        Arrays((Array((-1,), "str", "a"), Array((-1, -1, 3), "int8", "b"))),
        Texts(),
        Untyped(),
    ],
)
def test_a_script_is_an_entry_script_without_unused_imports(inputs: Inputs) -> None:
    text = written(inputs)
    entry_script.check({"score.py": text.encode()}, "score.py")
    for node in ast.parse(text).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                assert text.count(name) > text.count(f"import {name}"), f"{name} is used"


@pytest.mark.parametrize("name", NAMES)
def test_names_of_strangers_stay_texts(name: str) -> None:
    columns = Table((Column(name), Column("b", "category", (name, 1))))
    tree = ast.parse(written(columns, f"{name}.pkl", name))
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    assert f"{name}.pkl" in texts
    assert texts.count(name) >= 3, "the column, and twice the category"
    arrays = Arrays((Array((-1,), "float32", name), Array((-1,), "float32", "model"), Array((-1,), name="mod.el")))
    entry_script.check({"score.py": written(arrays).encode()}, "score.py")


def test_a_request_may_lack_the_columns_that_a_model_can_do_without() -> None:
    text = written(Table((Column("a"), Column("b", "object", optional=True), Column("c"))))
    assert "PandasParameterType(SAMPLE, enforce_shape=False)" in text
    names: dict[str, Any] = {"pd": pd}
    wanted = [node for node in ast.parse(text).body if "SAMPLE" in ast.dump(node) or "OPTIONAL" in ast.dump(node)]
    body = [node for node in wanted if getattr(node, "name", "") != "run"]
    exec(ast.unparse(ast.Module(body, [])), names)
    in_order = names["in_order"]
    assert list(in_order(pd.DataFrame({"c": [1.0], "x": [2.0], "a": [3.0]})).columns) == ["a", "c"]
    assert list(in_order(pd.DataFrame([[1.0, "w", 2.0]])).columns) == ["a", "b", "c"]
    with pytest.raises(ValueError, match="the columns a are missing"):
        in_order(pd.DataFrame({"b": ["w"], "c": [1.0]}))


def test_a_parameter_never_hides_what_the_script_needs() -> None:
    names = [parameter(name) for name in (*NAMES, "model", "np", "data", "1", "", "x:0")]
    assert all(name.isidentifier() for name in names)
    assert not {"model", "np", "data"} & set(names)


def test_names_that_would_be_one_parameter_are_told_apart() -> None:
    text = written(Arrays((Array((-1,), name="a.b"), Array((-1,), name="a_b"))))
    assert "def run(a_b, a_b_1):" in text
    assert 'data = {"a.b": a_b, "a_b": a_b_1}' in text


PARAMETERS = (
    Parameter("factor", 2.0, "number"),
    Parameter("words", ["a"], "list of string"),
    Parameter("count", 1, "integer"),
    Parameter("seed", None),
)


def read_params(given: object) -> object:
    names: dict[str, Any] = {"json": json}
    exec(params.functions(PARAMETERS), names)
    return names["read_params"](given)


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        (None, {}),
        ({}, {}),
        ({"factor": 3}, {"factor": 3}),
        ({"words": [], "seed": {"any": 1}}, {"words": [], "seed": {"any": 1}}),
    ],
)
def test_parameters_have_defaults(given: object, changed: dict[str, Any]) -> None:
    assert read_params(given) == {"factor": 2.0, "words": ["a"], "count": 1, "seed": None, **changed}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"factor": "hot"}, 'factor must be of type number, not "hot"'),
        ({"factor": True}, "factor must be of type number, not true"),
        ({"count": 1.5}, "count must be of type integer, not 1.5"),
        ({"words": ["a", 1]}, 'words must be of type list of string, not ["a", 1]'),
        ({"fcator": 1}, "fcator is not one of factor, words, count, seed"),
        ([1], "must be an object"),
    ],
)
def test_wrong_parameters_are_named(given: object, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        read_params(given)


@pytest.mark.parametrize("inputs", [Table((Column("a"),)), Untyped()])
def test_a_script_answers_400_to_a_wrong_parameter(inputs: Inputs) -> None:
    loading = Loading(("import joblib",), ("model = joblib.load(path)",), "model.predict(data, params=params)")
    model = Description("mlflow.pyfunc", "model", loading, inputs, (), "3.11", parameters=PARAMETERS)
    text = script.write(model, "demo")
    entry_script.check({"score.py": text.encode()}, "score.py")
    assert ("def run(data, params=None):" in text) == isinstance(inputs, Table)
    assert 'return AMLResponse({"message": f"params: {error}"}, 400, json_str=True)' in text


@pytest.mark.parametrize(("data", "refused"), [(["good"], False), ([], False), ([["good"]], True), (["good", 1], True)])
def test_a_model_of_texts_gets_nothing_else(data: list[Any], refused: bool) -> None:
    body = "\n    ".join(["def run(data):", *of_inputs(Texts()).lines, "return data"])
    names: dict[str, Any] = {"AMLResponse": lambda message, status, json_str: (message, status)}
    exec(body, names)
    expected = ({"message": "data: a list of texts is expected"}, 400)
    assert names["run"](data) == (expected if refused else data)


def test_answers_are_declared_by_method() -> None:
    samples = {"predict": ["text"], "predict_proba": [[0.0]]}
    text = script.write(Description("sklearn", "m", LOADING, Texts(), (), "3.11", outputs=samples), "demo")
    assert 'ANSWERS = {"predict": ["text"], "predict_proba": [[0.0]]}' in text
    assert "import input_schema, output_schema" in text and text.count("METHOD in ANSWERS") == 1
    only = Loading(("import lightgbm",), ("model = lightgbm.Booster()",), "model.predict(data)")
    text = script.write(Description("lightgbm", "m", only, Texts(), (), "3.11", outputs={"": [0.0]}), "demo")
    assert "@output_schema(StandardPythonParameterType([0.0]))\ndef run(data):" in text
    assert "output" not in script.write(Description("x", "m", only, Untyped(), (), "3.11", outputs={"": [0.0]}), "demo")
