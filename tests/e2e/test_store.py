"""A deployment whose code and environment are in the store, made from Python."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kube import Cluster, Namespace, eventually

import localmodel
from localmodel import home as homes
from localmodel.spec import EnvironmentSpec
from localmodel.store import Store

SCRIPT = """
import os
from helper import greeting

def init():
    print("init has the greeting", greeting())

def run(raw_data):
    if raw_data == '"fail"':
        raise ValueError("as asked")
    return [greeting(), open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "word.txt")).read(), raw_data]
"""
HELPER = 'import os\n\ndef greeting():\n    return os.environ["GREETING"]\n'


@pytest.fixture
def client(
    cluster: Cluster, namespace: Namespace, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[localmodel.Client]:
    monkeypatch.setenv("LOCALMODEL_HOME", str(home))
    with localmodel.Client("kind", context=cluster.context, namespace=namespace.name) as client:
        yield client


def test_a_folder_is_deployed_updated_reloaded_and_its_model_kept(
    client: localmodel.Client, namespace: Namespace, port: int, tmp_path: Path
) -> None:
    (tmp_path / "score.py").write_text(SCRIPT)
    (tmp_path / "helper.py").write_text(HELPER)
    model = tmp_path / "models" / "word.txt"
    model.parent.mkdir()
    model.write_text(namespace.name)
    registered = client.models.register("kept-word", model)
    environment = client.environments.register("plain", EnvironmentSpec(), {"GREETING": "hello"})

    words = client.deploy(
        "words", "score.py", source_directory=tmp_path, models=registered, environment=environment, port=port
    )
    assert words.state == "running"
    assert words.score({"a": 1}) == ["hello", namespace.name, '{"a": 1}']
    assert "init has the greeting hello" in words.logs()

    words.update(variables={"GREETING": "good evening"})
    assert words.score("1")[0] == "good evening"

    (tmp_path / "helper.py").write_text('def greeting():\n    return "reloaded"\n')
    client.get("words").reload()
    assert words.score("1")[0] == "reloaded"

    with pytest.raises(localmodel.ScoringError) as failed:
        words.score('"fail"')
    assert failed.value.status == 500
    assert 'raise ValueError("as asked")' in failed.value.traceback

    store = Store(homes.store())
    used = eventually(lambda: store.models.uses("kept-word", registered.version), "a note of the model's use")
    deployment = ("kind", f"{namespace.name}/words", "score.py")
    assert deployment in {(use.target, use.deployment, use.entry_script) for use in used}
    with pytest.raises(localmodel.UserError, match="words"):
        store.models.delete("kept-word", registered.version)

    words.delete()
    assert words.state == "deleted"
