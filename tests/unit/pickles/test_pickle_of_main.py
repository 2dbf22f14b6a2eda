"""Names of the script that saved a pickle, which the entry script must have."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from localmodel import pickles

PICKLES = {
    "files": {
        "model.pkl": {"globals": ["__main__.AddOne", "__main__.AddOne.Inner", "sklearn.pipeline.Pipeline"]},
        "more.pkl": {"globals": ["__main__.double"]},
    }
}


@dataclass
class Model:
    name: str = "m"
    version: int = 2
    pickles: dict[str, Any] = field(default_factory=lambda: PICKLES)


def lacking(source: str, *models: Model) -> list[str]:
    return pickles.lacking(models or (Model(),), "score.py", source.encode())


def test_the_names_and_what_to_do_about_them() -> None:
    assert pickles.names(PICKLES) == ["AddOne", "double"]
    assert pickles.names({}) == []
    assert pickles.advice(["AddOne", "double"]) == (
        "AddOne, double: of the script that saved it; define them in the entry script, or import them there"
    )


def test_an_entry_script_that_surely_lacks_them() -> None:
    assert lacking("import steps\ndef run(data): return steps.AddOne") == [
        "model m:2 needs AddOne, double of the script that saved it, and score.py does not have them; "
        "define them there, or import them there"
    ]
    assert lacking("class AddOne: ...\nif __name__ == '__main__':\n    double(1)") == [
        "model m:2 needs double of the script that saved it, and score.py does not have it; "
        "define it there, or import it there"
    ]
    assert lacking("", Model(pickles={"files": {}}), Model(pickles={})) == []


@pytest.mark.parametrize(
    "source",
    [
        "class AddOne: ...\ndef double(x): ...",
        "from steps import AddOne, twice as double",
        "try:\n    from steps import AddOne\nexcept ImportError:\n    AddOne = None\ndouble = lambda x: x",
        "from steps import *",
        "import steps\nglobals().update(vars(steps))",
        "import __main__, steps\n__main__.AddOne = steps.AddOne",
        "import sys, steps\nsys.modules['__main__'] = steps",
        "import driver_module",
        "def __getattr__(name): ...",
        "def init():\n    global AddOne, double\n    AddOne = double = 1",
        "def broken(",
        "x = '\0'",
    ],
)
def test_nothing_is_said_where_they_are_or_may_be(source: str) -> None:
    assert lacking(source) == []
