"""The mirrored SDK: workspace and models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from azure_sdk import environment, workspace  # noqa: F401 - a fixture

from localmodel.azure.core import Model, Workspace
from localmodel.azure.core.webservice import WebserviceException
from localmodel.azure.exceptions import ModelNotFoundException, ModelPathNotFoundException, UserErrorException


def test_the_names_of_azures_config_file_are_kept(ws: Workspace, tmp_path: Path) -> None:
    assert (ws.name, ws.subscription_id) == ("local", "")
    names = {"subscription_id": "s", "resource_group": "g", "workspace_name": "w"}
    (tmp_path / ".azureml").mkdir()
    (tmp_path / ".azureml" / "config.json").write_text(json.dumps(names))
    Path("config.json").write_text('{"hidden_size": 768}')  # of another program, as Hugging Face's
    found = Workspace.from_config()
    assert (found.subscription_id, found.resource_group, found.name) == ("s", "g", "w")
    assert found.store.root == ws.store.root


def test_a_config_file_that_was_named_must_be_there(ws: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UserErrorException, match=r"no config\.json with subscription_id"):
        Workspace.from_config(tmp_path / "home")


def test_workspace_lists_by_name(ws: Workspace) -> None:
    assert (ws.models, ws.environments, ws.webservices) == ({}, {}, {})
    Model.register(ws, "model.txt", "m")
    environment().register(ws)
    assert ws.models["m"].version == 1
    assert ws.environments["plain"].version == "1"


def test_models_are_found_by_name_version_id_and_tags(ws: Workspace) -> None:
    first = Model.register(ws, "model.txt", "m", tags={"area": "x", "old": "yes"}, properties={"p": "1"})
    Path("model.txt").write_text("two")
    second = Model.register(ws, "model.txt", "m", tags={"area": "y"}, description="d", model_framework="Onnx")
    assert (first.id, second.id, second.description, second.model_framework) == ("m:1", "m:2", "d", "Onnx")
    assert Model(ws, "m").id == Model(ws, id="m:2").id == Model(ws, "m", model_framework="Onnx").id == "m:2"
    assert Model(ws, "m", version=1).id == Model(ws, "m", tags=["old"]).id == "m:1"
    assert Model(ws, "m", tags=[["area", "x"]], properties={"p": "1"}).id == "m:1"
    assert [model.id for model in Model.list(ws)] == ["m:2", "m:1"]
    assert [model.id for model in Model.list(ws, latest=True)] == ["m:2"]
    assert [model.id for model in Model.list(ws, tags=[["area", "x"]], latest=True)] == ["m:1"]
    assert Model.list(ws, name="n") == []


def test_the_same_model_is_the_same_version(ws: Workspace) -> None:
    assert Model.register(ws, "model.txt", "m").id == Model.register(ws, "model.txt", "m").id == "m:1"


@pytest.mark.parametrize("arguments", [{"name": "n"}, {"name": "m", "version": 7}, {"name": "m", "tags": ["none"]}])
def test_a_model_that_is_not_there(ws: Workspace, arguments: dict[str, object]) -> None:
    Model.register(ws, "model.txt", "m")
    with pytest.raises(ModelNotFoundException):
        Model(ws, **arguments)  # type: ignore[arg-type]
    with pytest.raises(WebserviceException):  # what scripts written for Azure ML catch
        Model(ws, **arguments)  # type: ignore[arg-type]


def test_download_keeps_the_files_name_and_replaces_nothing_unasked(ws: Workspace) -> None:
    model = Model.register(ws, "model.txt", "m")
    assert model.download("there") == "there/model.txt"
    Path("there/model.txt").write_text("mine")
    with pytest.raises(WebserviceException, match="exists"):
        model.download("there")
    assert model.download("there", exist_ok=True) == "there/model.txt"
    assert Path("there/model.txt").read_text() == "one"


def test_tags_change_and_properties_only_grow(ws: Workspace) -> None:
    model = Model.register(ws, "model.txt", "m", tags={"a": "1", "b": "2"}, properties={"p": "1"})
    model.add_tags({"c": "3"})
    model.remove_tags(["a"])
    assert model.tags == Model(ws, "m").tags == {"b": "2", "c": "3"}
    model.update(tags={"d": "4"}, description="new")
    assert (Model(ws, "m").tags, Model(ws, "m").description) == ({"d": "4"}, "new")
    model.add_properties({"q": "2"})
    assert Model(ws, "m").properties == {"p": "1", "q": "2"}
    with pytest.raises(WebserviceException, match="p of m:1"):
        model.add_properties({"p": "2"})
    assert json.loads(json.dumps(model.serialize()))["tags"] == {"d": "4"}


def test_a_deleted_model_is_gone(ws: Workspace) -> None:
    Model.register(ws, "model.txt", "m").delete()
    with pytest.raises(ModelNotFoundException):
        Model(ws, "m")


def test_nothing_to_register(ws: Workspace) -> None:
    with pytest.raises(ModelPathNotFoundException, match=r"missing\.pkl"):
        Model.register(ws, "missing.pkl", "m")


@pytest.mark.parametrize("argument", ["datasets", "child_paths", "sample_input_dataset"])
def test_what_cannot_be_done_is_refused(ws: Workspace, argument: str) -> None:
    with pytest.raises(UserErrorException, match=f"{argument} is not supported here. [A-Z]"):
        Model.register(ws, "model.txt", "m", **{argument: ["x"]})  # type: ignore[arg-type]


def test_the_path_of_a_deployed_model(ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("m/1/a.pkl", "m/2/a.pkl", "n/10/b.pkl"):
        (tmp_path / "models" / place).parent.mkdir(parents=True)
        (tmp_path / "models" / place).write_text("")
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(tmp_path / "models"))
    assert Model.get_model_path("m") == str(tmp_path / "models/m/2/a.pkl")
    assert Model.get_model_path("m", version=1) == str(tmp_path / "models/m/1/a.pkl")
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(tmp_path / "models/n/10"))
    assert Model.get_model_path("n") == str(tmp_path / "models/n/10/b.pkl")
    assert Model.get_model_path("model.txt") == "model.txt"
    with pytest.raises(ModelNotFoundException, match="download it"):
        Model.get_model_path("m")
