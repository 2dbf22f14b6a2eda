"""The script for a model that does not say what it takes: arrays and tables come as the request has them."""

from __future__ import annotations

import json
import pickle
import runpy
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from localmodel.no_code import script
from localmodel.no_code.description import Description, Loading
from localmodel.no_code.inputs import Untyped

PICKLE = Loading(("import pickle",), ("model = pickle.loads(path.read_bytes())",), "")
ANSWER = 'def answer(result):\n    return result.tolist() if hasattr(result, "tolist") else result\n'


class Told:
    """A model that answers with what it was given."""

    def predict(self, data: Any) -> Any:
        return [list(data.columns), data.to_numpy().tolist()] if isinstance(data, pd.DataFrame) else data

    def predict_proba(self, data: Any) -> Any:
        return data * 0 + 0.5


def run(folder: Path, body: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    (folder / "model.pkl").write_bytes(pickle.dumps(Told()))
    loading = Loading(PICKLE.imports, PICKLE.load, "answer(predict(data))", ANSWER, "predict")
    (folder / "score.py").write_text(
        script.write(Description("sklearn", "model.pkl", loading, Untyped(), (), "3.11"), "demo")
    )
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(folder))
    module = runpy.run_path(str(folder / "score.py"))
    module["init"]()
    return module["run"](json.dumps(body))


TABLE = [["a", "b"], [[1, 2], [3, 4]]]
SPLIT = {"columns": ["a", "b"], "data": [[1, 2], [3, 4]]}
RECORDS = [{"a": 1, "b": 2}, {"a": 3, "b": 4}]


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ([[1, 2]], [[1, 2]]),
        ({"data": [[1, 2]]}, [[1, 2]]),
        ({"input_data": [[1, 2]]}, [[1, 2]]),
        ({"instances": ["a", "b"]}, ["a", "b"]),
        ({"inputs": [1.5]}, [1.5]),
        ({"input_data": SPLIT}, TABLE),
        ({"dataframe_split": {**SPLIT, "index": [5, 6]}}, TABLE),
        ({"dataframe_records": RECORDS}, TABLE),
        (SPLIT, TABLE),
        ({"data": RECORDS}, TABLE),
        ({"inputs": {"a": [1, 3], "b": [2, 4]}}, TABLE),
        ({"a": [1, 3], "b": [2, 4]}, TABLE),
    ],
)
def test_every_form_of_a_body(tmp_path: Path, body: Any, answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(tmp_path, body, monkeypatch) == answer


def test_a_variable_chooses_the_method(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREDICT_METHOD", "predict_proba")
    assert run(tmp_path, {"data": [[1, 2]]}, monkeypatch) == [[0.5, 0.5]]
