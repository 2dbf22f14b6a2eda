"""The SDK with a real cluster: the same program as for a process, with another target."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kube import Cluster, Namespace, eventually

from localmodel import Client, DeployError, ScoringError, UserError
from localmodel.disk import home as homes
from localmodel.resource.spec import EnvironmentSpec
from localmodel.store import Store

SCRIPT = """
import json

def init():
    print("hello from init")

def run(raw_data):
    return {"a": 1}[json.loads(raw_data)]
"""
WITH_HELPER = """
import os
from helper import greeting

def init():
    print("init has the greeting", greeting())

def run(raw_data):
    return [greeting(), open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "word.txt")).read()]
"""
HELPER = """
import os, subprocess

def greeting():
    return subprocess.check_output([os.path.join(os.path.dirname(__file__), "bin/greet")], text=True).strip()
"""


@pytest.fixture
def client(cluster: Cluster, namespace: Namespace, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setenv("LOCALMODEL_HOME", str(home))
    monkeypatch.setenv("PATH", str(Path(cluster.program).parent), prepend=":")
    with Client("kind", context=cluster.context, namespace=namespace.name) as client:
        yield client


def test_a_program_for_the_process_target_works_with_a_cluster(client: Client, port: int, tmp_path: Path) -> None:
    script = tmp_path / "score.py"
    script.write_text(SCRIPT)
    digits = client.deploy("sdk", script, environment=EnvironmentSpec(), port=port)
    assert digits.state == "running" and digits.score("a") == 1
    with pytest.raises(ScoringError, match="KeyError: 'b'") as scoring:
        digits.score("b")
    assert 'score.py", line 8, in run' in scoring.value.traceback
    script.write_text(SCRIPT.replace('"a": 1', '"a": 2'))
    digits.reload()
    assert digits.score("a") == 2
    script.write_text("def init(): 1 / 0\ndef run(raw_data): pass\n")
    with pytest.raises(DeployError, match=r"score\.py:1: ZeroDivisionError"):
        digits.reload()
    assert digits.state == "failed" and digits.score("a") == 2, "the old one serves"
    assert "hello from init" in digits.logs()
    digits.delete()
    assert digits.state == "deleted"


def test_a_folder_is_deployed_updated_reloaded_and_its_model_kept(
    client: Client, namespace: Namespace, port: int, tmp_path: Path
) -> None:
    (tmp_path / "score.py").write_text(WITH_HELPER)
    (tmp_path / "helper.py").write_text(HELPER)
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/greet").write_text('#!/bin/sh\necho "$GREETING"\n')
    (tmp_path / "shared/greet").chmod(0o755)
    (tmp_path / "bin").symlink_to("shared")
    model = tmp_path / "models" / "word.txt"
    model.parent.mkdir()
    model.write_text(namespace.name)
    registered = client.models.register("kept-word", model)
    environment = client.environments.register("plain", EnvironmentSpec(), {"GREETING": "hello"})

    words = client.deploy(
        "words", "score.py", source_directory=tmp_path, models=registered, environment=environment, port=port
    )
    assert words.state == "running"
    assert words.score({"a": 1}) == ["hello", namespace.name]
    assert "init has the greeting hello" in words.logs()

    words.update(variables={"GREETING": "good evening"})
    assert words.score("1")[0] == "good evening"

    (tmp_path / "helper.py").write_text('def greeting():\n    return "reloaded"\n')
    client.get("words").reload()
    assert words.score("1")[0] == "reloaded"

    store = Store(homes.store())
    used = eventually(lambda: store.models.uses("kept-word", registered.version), "a note of the model's use")
    deployment = ("kind", f"{namespace.name}/words", "score.py")
    assert deployment in {(use.target, use.deployment, use.entry_script) for use in used}
    with pytest.raises(UserError, match="words"):
        store.models.delete("kept-word", registered.version)

    words.delete()
    assert words.state == "deleted"
