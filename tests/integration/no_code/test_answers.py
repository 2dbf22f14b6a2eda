"""What a generated script answers is what the model's own library does, in two generations of the libraries."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.trained_models import GENERATIONS, interpreter, run, train

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
    "forest.onnx": "onnx",
    "table.onnx": "onnx",
    "mlflow-columns": "mlflow.sklearn",
    "mlflow-scaled": "mlflow.sklearn",
    "mlflow-unsigned": "mlflow.sklearn",
    "mlflow-trees": "mlflow.xgboost",
    "mlflow-leaves": "mlflow.lightgbm",
    "mlflow-double": "mlflow.pyfunc",
}


class Tried(NamedTuple):
    """A model, what serves it, and what was answered: by its library, by the script, and to the sample request."""

    scoring: Scoring
    expected: Any
    answer: Any
    of_sample: Any


@pytest.fixture(scope="module", params=GENERATIONS)
def generation(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tried]:
    """All models of a generation, by name."""
    folder = tmp_path_factory.mktemp("models")
    answers = train(request.param, folder)
    made = {name: scoring(folder / name, "demo") for name in answers}
    lines = []
    for name, each in made.items():
        code = folder / "code" / name
        code.mkdir(parents=True)
        for file, content in each.files.items():
            (code / file).write_bytes(content)
        bodies = (answers[name].body, json.loads(each.request or b""))
        lines += [json.dumps([str(code), str(folder), body]) for body in bodies]
    (folder / "lines").write_text("\n".join(lines))
    program = Path(__file__).parents[2] / "support" / "ask_scripts.py"
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    out = run(interpreter(request.param), [str(program), str(folder / "lines")], environment)
    said = [json.loads(line) for line in out.splitlines()]
    assert all(is_model(folder / name) for name in made)
    return {
        name: Tried(made[name], answers[name].answer, answer, of_sample)
        for name, answer, of_sample in zip(made, said[::2], said[1::2], strict=True)
    }


@pytest.mark.parametrize(("name", "flavor"), FLAVORS.items())
def test_the_script_answers_as_the_library_does(generation: dict[str, Tried], name: str, flavor: str) -> None:
    tried = generation[name]
    assert tried.answer == tried.expected
    assert tried.scoring.flavor == flavor
    assert tried.of_sample and not str(tried.of_sample).count("Error"), tried.of_sample
    assert not tried.scoring.notes, "nothing is unknown of these"


def test_every_kind_of_model_is_tried(generation: dict[str, Tried]) -> None:
    assert generation.keys() == FLAVORS.keys()


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
