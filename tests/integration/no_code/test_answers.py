"""What a generated script answers is what the model's own library does, in two generations of the libraries."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.trained_models import GENERATIONS, QUIET, Answered, interpreter, run, train

from localmodel.errors import UserError
from localmodel.no_code import Scoring, is_model, scoring

FLAVORS = {
    "forest.joblib": "sklearn",
    "line.pkl": "sklearn",
    "columns.joblib": "sklearn",
    "texts.joblib": "sklearn",
    "scaled.skops": "sklearn",
    "trees.ubj": "xgboost",
    "trees.json": "xgboost",
    "booster.ubj": "xgboost",
    "trees.joblib": "xgboost",
    "leaves.pkl": "lightgbm",
    "leaves.txt": "lightgbm",
    "homes.txt": "lightgbm",
    "homes-leaves.pkl": "lightgbm",
    "homes-search.joblib": "sklearn",
    "homes.ubj": "xgboost",
    "homes.json": "xgboost",
    "homes.joblib": "xgboost",
    "homes-darts.ubj": "xgboost",
    "homes-darts.pkl": "xgboost",
    "forest.onnx": "onnx",
    "table.onnx": "onnx",
    "mlflow-columns": "mlflow.sklearn",
    "mlflow-scaled": "mlflow.sklearn",
    "mlflow-unsigned": "mlflow.sklearn",
    "mlflow-trees": "mlflow.xgboost",
    "mlflow-leaves": "mlflow.lightgbm",
    "mlflow-homes": "mlflow.lightgbm",
    "mlflow-double": "mlflow.pyfunc",
    "mlflow-factor": "mlflow.pyfunc",
}
# XGBoost saves the names of categories from version 3.1 on.
CATEGORIES = {"homes.ubj", "homes.json", "homes.joblib", "homes-darts.ubj", "homes-darts.pkl"}
NEW = {*CATEGORIES, "mlflow-factor"}


class Tried(NamedTuple):
    """A model, what serves it, and what was answered: by its library, by the script, and to the sample request.

    `of_rows` is the answer to the sample without the names of its columns; `declared` the schema of the answer.
    """

    scoring: Scoring
    expected: Any
    answer: Any
    of_sample: Any
    of_rows: Any
    declared: Any


class Trained(NamedTuple):
    """The models of a generation of the libraries, and what these answer."""

    generation: str
    folder: Path
    answers: dict[str, Answered]


@pytest.fixture(scope="module", params=GENERATIONS)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("models")
    return Trained(request.param, folder, train(request.param, folder))


@pytest.fixture(scope="module")
def generation(trained: Trained) -> dict[str, Tried]:
    """All models of a generation, by name."""
    folder, answers = trained.folder, trained.answers
    made = {name: scoring(folder / name, "demo") for name in answers}
    lines = []
    for name, each in made.items():
        code = folder / "code" / name
        code.mkdir(parents=True)
        for file, content in each.files.items():
            (code / file).write_bytes(content)
        sample = json.loads(each.request or b"")
        bodies = (answers[name].body, sample, _without_names(sample))
        lines += [json.dumps([str(code), str(folder), body]) for body in bodies]
    (folder / "lines").write_text("\n".join(lines))
    program = Path(__file__).parents[2] / "support" / "ask_scripts.py"
    environment = {**os.environ, **QUIET}
    out = run(interpreter(trained.generation), [str(program), str(folder / "lines")], environment)
    said = [json.loads(line) for line in out.splitlines()]
    assert all(is_model(folder / name) for name in made)
    return {
        name: Tried(made[name], answers[name].answer, answer, of_sample, of_rows, declared)
        for name, (answer, declared), (of_sample, _), (of_rows, _) in zip(
            made, said[::3], said[1::3], said[2::3], strict=True
        )
    }


def _without_names(body: Any) -> Any:
    """The request with each row of a table as a list, if its data are such rows."""
    rows = body.get("data")
    if not (isinstance(rows, list) and all(isinstance(row, dict) for row in rows)):
        return body
    return {**body, "data": [list(row.values()) for row in rows]}


@pytest.mark.parametrize(("name", "flavor"), FLAVORS.items())
def test_the_script_answers_as_the_library_does(
    trained: Trained, generation: dict[str, Tried], name: str, flavor: str
) -> None:
    if trained.generation == "old" and name in CATEGORIES:
        with pytest.raises(UserError, match=r"XGBoost saves their names from version 3\.1 on; write a score\.py"):
            scoring(trained.folder / name, "demo")
    if name not in trained.answers:
        return
    tried = generation[name]
    assert tried.answer == tried.expected
    assert tried.scoring.flavor == flavor
    assert tried.of_sample and not str(tried.of_sample).count("Error"), tried.of_sample
    assert tried.of_rows == tried.of_sample
    assert not tried.scoring.notes, "nothing is unknown of these"


def fits(schema: Any, answer: Any) -> bool:
    """Whether the answer is of the types that the schema declares."""
    if schema["type"] == "array":
        return isinstance(answer, list) and all(fits(schema["items"], item) for item in answer)
    if schema["type"] == "object":
        properties = schema["properties"]
        return properties.keys() == answer.keys() and all(fits(properties[name], answer[name]) for name in answer)
    return type(answer) in {"integer": (int,), "number": (float,), "string": (str,)}[schema["type"]]


def test_a_script_declares_what_it_answers(trained: Trained, generation: dict[str, Tried]) -> None:
    unknown = {name for name, tried in generation.items() if tried.declared == {"type": "object"}}
    assert unknown == {"scaled.skops"}, "skops keeps arrays apart, and so the classes"
    assert not {
        name for name in generation.keys() - unknown if not fits(generation[name].declared, generation[name].answer)
    }


def test_every_kind_of_model_is_tried(trained: Trained) -> None:
    assert trained.answers.keys() == FLAVORS.keys() - (NEW if trained.generation == "old" else set())


def test_the_environment_has_the_versions_that_the_files_name(generation: dict[str, Tried]) -> None:
    old = "scikit-learn==1.1.3" in generation["line.pkl"].scoring.environment.requirements
    sklearn = ("scikit-learn==1.1.3", "numpy<2") if old else ("scikit-learn==1.9.1", "numpy")
    assert generation["line.pkl"].scoring.environment.requirements == (*sklearn, "inference-schema~=1.8")
    assert generation["leaves.txt"].scoring.environment.requirements[0] == (
        "lightgbm>=3.3,<5" if old else "lightgbm>=4,<5"
    )
    xgboost = "xgboost==1.7.6" if old else "xgboost-cpu==3.2.0"
    for name in ("trees.ubj", "trees.json", "trees.joblib", "mlflow-trees"):
        assert xgboost in generation[name].scoring.environment.requirements, name
    for name in ("mlflow-columns", "mlflow-trees", "mlflow-leaves"):
        assert not any(each.startswith("mlflow") for each in generation[name].scoring.environment.requirements), name
    assert any(each.startswith("mlflow") for each in generation["mlflow-double"].scoring.environment.requirements)


def test_a_sample_is_of_the_example_or_of_what_the_model_knows(generation: dict[str, Tried]) -> None:
    def sample(name: str) -> Any:
        return json.loads(generation[name].scoring.request or b"")["data"]

    assert sample("line.pkl") == [[0.0] * 4]
    assert sample("columns.joblib") == [{"age": 0.0, "city": "text", "income": 0.0}]
    assert sample("leaves.pkl") == sample("leaves.txt") == [{"age": 0.0, "city": "Bern", "income": 0.0}]
    assert sample("texts.joblib") == ["text"]
    assert len(sample("mlflow-columns")) == len(sample("mlflow-scaled")) == 2, "as they were logged with the model"
