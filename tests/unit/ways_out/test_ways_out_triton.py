"""The written model.py runs with a stand-in for the backend's module: without Triton, its own is not to be had."""

import json
import os
import re
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy
import pytest

from localmodel.resource.spec import DeploymentSpec, KeyRef, Source, Variable
from localmodel.ways_out import triton
from localmodel.ways_out.packed import Packed

CHURN = Packed("churn", DeploymentSpec("src/score.py", Source(inline={})), (Variable("PRICE", "5 $"),), (), "")
SCRIPT = b"""
import json, os, pathlib
import numpy
import helper
def init():
    global model
    model = pathlib.Path(os.environ["AZUREML_MODEL_DIR"], "word.txt").read_text()
def run(raw_data):
    return [json.loads(raw_data)["x"] + 1, model, os.environ["PRICE"], helper.WORD, numpy.array([1.5])]
"""
FILES = {"src/score.py": SCRIPT, "src/helper.py": b"WORD = 'beside'\n"}


@dataclass
class Tensor:
    name: str
    content: Any

    def as_numpy(self) -> Any:
        return self.content


@dataclass
class Answer:
    output_tensors: Any = ()
    error: Any = None


@pytest.fixture
def execute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[bytes]], list[Answer]]:
    """Sends texts to the model that Triton would load."""
    backend: Any = types.ModuleType("triton_python_backend_utils")
    backend.Tensor, backend.InferenceResponse, backend.TritonError = Tensor, Answer, str
    backend.get_input_tensor_by_name = lambda request, name: request[name]
    monkeypatch.setitem(sys.modules, backend.__name__, backend)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for module in ("entry_script", "helper"):  # goes again after the test
        monkeypatch.setitem(sys.modules, module, backend)
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(os, "environ", {**os.environ})
    for path, content in triton.write(CHURN, FILES, "azureml-models/word/1").files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    model = tmp_path / "churn" / "1" / "app" / "azureml-models" / "word" / "1" / "word.txt"
    model.parent.mkdir(parents=True)
    model.write_text("the model")
    names: dict[str, Any] = {}
    exec((tmp_path / "churn" / "1" / "model.py").read_text(), names)
    served = names["TritonPythonModel"]()
    served.initialize({"model_repository": str(tmp_path / "churn"), "model_version": "1"})

    def send(texts: list[bytes]) -> list[Answer]:
        requests = [{"raw_data": Tensor("raw_data", numpy.array([text], dtype=object))} for text in texts]
        answers: list[Answer] = served.execute(requests)
        return answers

    return send


def test_a_text_gets_what_run_returned_and_a_wrong_one_its_error_alone(
    execute: Callable[[list[bytes]], list[Answer]],
) -> None:
    wrong, right = execute([b"{}", b'{"x": 1}'])
    assert wrong.error == "KeyError: 'x'"
    (result,) = right.output_tensors
    assert result.name == "result"
    assert json.loads(result.content[0]) == [2, "the model", "5 $", "beside", [1.5]]


def test_the_configuration_has_the_models_name_and_tensors() -> None:
    written = triton.write(CHURN, FILES, "azureml-models").files
    config = written["churn/config.pbtxt"].decode()
    assert re.findall(r'name: "(\w+)"', config) == ["churn", "raw_data", "result"]
    assert 'backend: "python"' in config
    assert "count: 1\n" in config
    assert config.count("{") == config.count("}") == 3


def test_a_value_of_a_secret_is_not_written_and_told() -> None:
    secret = Variable("TOKEN", value_from=KeyRef("Secret", "keys", "token"))
    written = triton.write(replace(CHURN, variables=(secret,)), FILES, "")
    assert json.loads(written.files["churn/1/settings.json"])["variables"] == {}
    assert any("TOKEN" in note and "Secret keys" in note for note in written.notes)
