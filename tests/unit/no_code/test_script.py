"""The generated script: plain Python, whatever names the model has."""

from __future__ import annotations

import ast

import pytest

from localmodel import entry_script
from localmodel.no_code import script
from localmodel.no_code.description import Description, Loading
from localmodel.no_code.inputs import Array, Arrays, Column, Inputs, Table, Texts, Untyped
from localmodel.no_code.run_schema import parameter

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


def test_a_parameter_never_hides_what_the_script_needs() -> None:
    names = [parameter(name) for name in (*NAMES, "model", "np", "data", "1", "", "x:0")]
    assert all(name.isidentifier() for name in names)
    assert not {"model", "np", "data"} & set(names)


def test_names_that_would_be_one_parameter_are_told_apart() -> None:
    text = written(Arrays((Array((-1,), name="a.b"), Array((-1,), name="a_b"))))
    assert "def run(a_b, a_b_1):" in text
    assert 'data = {"a.b": a_b, "a_b": a_b_1}' in text
