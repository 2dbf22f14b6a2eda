"""Models whose files are cut off, damaged or dangerous: one sentence each, and never a traceback."""

from __future__ import annotations

import json
import pickle
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from localmodel.errors import UserError
from localmodel.no_code import is_model, scoring

XGBOOST: dict[str, Any] = {
    "learner": {
        "feature_names": ["age", "city"],
        "feature_types": ["float", "c"],
        "attributes": {"scikit_learn": '{"_estimator_type": "classifier"}'},
        "learner_model_param": {"num_feature": "2", "num_class": "0", "num_target": "1"},
        "objective": {"name": "binary:logistic"},
        "gradient_booster": {
            "model": {
                "cats": {
                    "enc": [{"offsets": [], "values": []}, {"offsets": [0, 4, 7], "values": list(b"BernUlm")}],
                    "feature_segments": [0, 0, 2],
                },
                "trees": [{"base_weights": [0.5, 1.5]}],
            }
        },
    },
    "version": [3, 2, 0],
}
LIGHTGBM = b"""tree
version=v4
num_class=1
num_tree_per_iteration=1
feature_names=age city
feature_infos=[20:69] 0:1

Tree=0

pandas_categorical:[["Bern", "Ulm"]]
"""
MLMODEL = {
    "flavors": {
        "python_function": {"loader_module": "mlflow.sklearn", "python_version": "3.11.9"},
        "sklearn": {"pickled_model": "model.pkl", "serialization_format": "pickle"},
    },
    "signature": {
        "inputs": '[{"name": "age", "type": "double"}]',
        "outputs": '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}]',
        "params": '[{"name": "t", "type": "double", "default": 0.5, "shape": null}]',
    },
}


def ubjson(value: Any) -> bytes:
    """The value as XGBoost writes it."""
    if isinstance(value, dict):
        return b"{" + b"".join(text(key) + ubjson(item) for key, item in value.items()) + b"}"
    if isinstance(value, list):
        return b"[#" + length(len(value)) + b"".join(map(ubjson, value))
    if isinstance(value, str):
        return b"S" + text(value)
    return b"D" + np.array(value, ">f8").tobytes() if isinstance(value, float) else b"l" + value.to_bytes(4, "big")


def length(count: int) -> bytes:
    return b"L" + count.to_bytes(8, "big")


def text(value: str) -> bytes:
    return length(len(value)) + value.encode()


def message(number: int, *parts: bytes | int) -> bytes:
    """A field of ONNX's format with a message, a text or a number."""
    if isinstance(parts[0], int):
        return bytes([number << 3, parts[0]])
    content = b"".join(part for part in parts if isinstance(part, bytes))
    return bytes([number << 3 | 2, len(content)]) + content


def onnx_value(name: str, size: int) -> bytes:
    shape = message(2, message(1, message(2, b"rows")), message(1, message(1, size)))
    return message(1, name.encode()) + message(2, message(1, message(1, 1), shape))


ONNX = message(7, message(11, onnx_value("x", 4)), message(12, onnx_value("y", 1)))


def write_models(folder: Path) -> list[Path]:
    """Small models of every kind."""
    line = LinearRegression().fit(np.array([[0.0], [1.0]]), [0.0, 1.0])
    joblib.dump(line, folder / "line.joblib")
    joblib.dump(line, folder / "line.joblib.gz", compress=("gzip", 3))
    (folder / "line.pkl").write_bytes(pickle.dumps(line))
    (folder / "trees.json").write_text(json.dumps(XGBOOST))
    (folder / "trees.ubj").write_bytes(ubjson(XGBOOST))
    (folder / "leaves.txt").write_bytes(LIGHTGBM)
    (folder / "graph.onnx").write_bytes(ONNX)
    node = {"__class__": "LinearRegression", "__module__": "sklearn.linear_model._base", "__loader__": "ObjectNode"}
    state = {"__loader__": "DictNode", "content": {"n_features_in_": {"__loader__": "JsonNode", "content": "1"}}}
    with zipfile.ZipFile(folder / "line.skops", "w") as archive:
        archive.writestr("schema.json", json.dumps({**node, "content": state, "_skops_version": "0.16.0"}))
    (folder / "churn").mkdir()
    (folder / "churn" / "MLmodel").write_text(json.dumps(MLMODEL))
    (folder / "churn" / "model.pkl").write_bytes(pickle.dumps(line))
    (folder / "churn" / "requirements.txt").write_text("scikit-learn==1.9.1\n")
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_models(tmp_path_factory.mktemp("models"))


def damaged(content: bytes, numbers: random.Random) -> Iterator[bytes]:
    """The content cut off, with other bytes in it, and with bytes left out."""
    for _ in range(25):
        yield content[: numbers.randrange(len(content))]
    for _ in range(50):
        copy = bytearray(content)
        for _ in range(numbers.choice([1, 1, 3, 10])):
            copy[numbers.randrange(len(copy))] = numbers.randrange(256)
        yield bytes(copy)
    for _ in range(25):
        start = numbers.randrange(len(content))
        yield content[:start] + content[start + numbers.randrange(1, 30) :]


def refused(path: Path) -> str:
    with pytest.raises(UserError) as raised:
        scoring(path, "demo")
    message = str(raised.value)
    assert "\n" not in message and len(message) < 400, message
    return f"{raised.value.reason}: {message}"


def test_models_are_whole(models: list[Path]) -> None:
    assert {scoring(path, "demo").flavor for path in models} == {
        *("sklearn", "xgboost", "lightgbm", "onnx", "mlflow.sklearn")
    }
    for path in models:
        if path.name.startswith(("trees", "leaves")):
            assert b'pd.Categorical(["Bern"], categories=["Bern", "Ulm"])' in scoring(path, "demo").files["score.py"]


def test_damaged_models_are_read_or_refused_in_a_sentence(models: list[Path], tmp_path: Path) -> None:
    numbers = random.Random(0)
    refusals = 0
    for model in models:
        file = model / "MLmodel" if model.is_dir() else model
        for content in damaged(file.read_bytes(), numbers):
            place = tmp_path / model.name
            if model.is_dir():
                place.mkdir(exist_ok=True)
                for name in ("model.pkl", "requirements.txt"):
                    (place / name).write_bytes((model / name).read_bytes())
            (place / "MLmodel" if model.is_dir() else place).write_bytes(content)
            is_model(place)
            try:
                scoring(place, "demo")
            except UserError as error:
                assert error.reason in ("ModelUnreadable", "ScriptNeeded", "EnvironmentInvalid"), error.reason
                assert "\n" not in str(error) and len(str(error)) < 500, str(error)
                refusals += 1
    assert refusals > len(models) * 20, "most of them are damaged beyond use"


def test_an_onnx_file_without_its_weights(tmp_path: Path) -> None:
    weights = message(5, message(8, b"w"), message(13, message(1, b"location"), message(2, b"graph.data")))
    graph = message(7, message(11, onnx_value("x", 4)), weights, message(12, onnx_value("y", 1)))
    (tmp_path / "graph.onnx").write_bytes(graph)
    assert "its weights lie in another file, 'graph.data'" in refused(tmp_path / "graph.onnx")
    flavors = {"onnx": {"data": "graph.onnx"}, "python_function": {"loader_module": "mlflow.onnx"}}
    content = {"flavors": {**flavors, "python_function": {**flavors["python_function"], "python_version": "3.11.1"}}}
    (tmp_path / "MLmodel").write_text(json.dumps(content))
    assert "its weights lie in 'graph.data', which is not beside it" in refused(tmp_path)
    (tmp_path / "graph.data").write_bytes(bytes(16))
    assert scoring(tmp_path, "demo").flavor == "mlflow.onnx"


def test_archives_of_arrays_are_not_models(tmp_path: Path) -> None:
    """Many zeros in a small file."""
    with zipfile.ZipFile(tmp_path / "arrays.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", bytes(64 << 20))
    content = (tmp_path / "arrays.npz").read_bytes()
    assert not is_model(tmp_path / "arrays.npz")
    assert refused(tmp_path / "arrays.npz").startswith("ScriptNeeded: ")
    for name in ("arrays.pkl", "arrays.joblib", "arrays.onnx", "arrays.skops"):
        (tmp_path / name).write_bytes(content)
        assert refused(tmp_path / name).startswith("ModelUnreadable: "), name


def test_links_in_a_circle(models: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "churn"
    folder.mkdir()
    for name, target in (("round", "again"), ("again", "round"), ("parent", "..")):
        (folder / name).symlink_to(target)
    (folder / "requirements.txt").write_text("scikit-learn==1.9.1\n")
    for name, words in (("round", "is no file"), ("parent/churn/parent", "leads out"), ("a\0b", "is no file")):
        flavors = {**MLMODEL["flavors"], "sklearn": {"pickled_model": name}}
        (folder / "MLmodel").write_text(json.dumps({**MLMODEL, "flavors": flavors}))
        assert words in refused(folder)
    (folder / "MLmodel").unlink()
    (folder / "MLmodel").symlink_to("MLmodel")
    assert not is_model(folder)
    assert refused(folder).startswith("ScriptNeeded: ")
