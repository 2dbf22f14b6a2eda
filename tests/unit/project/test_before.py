"""Whose a deployment is that was applied before."""

from pathlib import Path

import pytest

from localmodel.project.before import Before
from localmodel.project.place import Place
from localmodel.resource import annotations
from localmodel.resource.manifest import Manifests


def applied_from(origin: Path) -> Before:
    metadata = {"name": "qq", "annotations": {annotations.SOURCE: str(origin)}}
    return Before("qq", Manifests({"metadata": metadata, "spec": {"models": [{"name": "qq", "version": "1"}]}}, {}))


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("1", "2", "here"):
        (tmp_path / name).mkdir()
    for folder in ("1", "2"):
        (tmp_path / folder / "qq.onnx").touch()
    (tmp_path / "current").symlink_to("1")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def test_a_model_is_the_same_from_whichever_folder_it_is_named(models: Path) -> None:
    before = applied_from(models / "1/qq.onnx")
    assert before.is_of(Place("model", Path("../1/qq.onnx")))
    assert before.is_of(Place("model", Path("../current/../1/qq.onnx")))
    assert not before.is_of(Place("model", Path("../2/qq.onnx")))
    assert applied_from(Path("/", *models.parts[1:], "here/../1/qq.onnx")).is_of(Place("model", models / "1/qq.onnx"))


def test_a_link_is_a_place_of_its_own_wherever_it_leads(models: Path) -> None:
    before = applied_from(models / "current/qq.onnx")
    (models / "current").unlink()
    (models / "current").symlink_to("2")
    assert before.is_of(Place("model", Path("../current/qq.onnx")))
    assert not before.is_of(Place("model", Path("../2/qq.onnx")))


def test_what_goes_up_from_a_link_goes_up_from_where_it_leads(models: Path) -> None:
    (models / "elsewhere/in").mkdir(parents=True)
    (models / "elsewhere/qq.onnx").touch()
    (models / "in").symlink_to("elsewhere/in")
    assert applied_from(models / "elsewhere/qq.onnx").is_of(Place("model", Path("../in/../qq.onnx")))
