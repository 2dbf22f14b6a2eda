"""A model by address: a manifest is enough, what is wrong leaves the old revision, and a password stays secret."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from app import App
from kube import Namespace, eventually
from load import Load, ask
from operator_process import LMD, OperatorProcess, register
from support import given, oci_registry
from support.web_server import Answer, Web, serving

SCRIPT = """
import os
from pathlib import Path


def init():
    pass


def run(raw_data):
    return Path(os.environ["AZUREML_MODEL_DIR"], "word.txt").read_text()
"""
PASSWORD = "correct-horse-battery"
# The home is kept between runs, and what its store has is not asked for.
ONE, TWO = f"one {uuid.uuid4()}", f"two {uuid.uuid4()}"


@pytest.fixture(scope="module")
def server() -> Iterator[Web]:
    with serving() as server:
        yield server


def models(server: Web, text: str, **fields: object) -> list[given.Object]:
    """The word as the server has it from now on, as a spec names it."""
    server.answers = [Answer(body=text.encode(), headers={})]
    pin = hashlib.sha256(text.encode()).hexdigest()
    return [{"name": "uri-word", "uri": f"{server.url}/word.txt#sha256={pin}", **fields}]


def test_from_a_manifest_alone(
    namespace: Namespace, port: int, server: Web, operator: OperatorProcess, home: Path
) -> None:
    since, began = operator.mark(), time.time()
    secret = {**given.config_map("hub", {}), "kind": "Secret", "data": {}}
    secret["data"] = {"username": encoded("me"), "password": encoded(PASSWORD)}
    manifest = given.lmd("app", port, given.inline(SCRIPT), models=models(server, ONE, credentials={"secret": "hub"}))
    namespace.apply(secret, manifest)
    namespace.wait_ready("app")
    assert ask(port) == ONE
    assert {asked["Authorization"] for asked in server.asked} == {f"Basic {encoded(f'me:{PASSWORD}')}"}

    app = App(namespace, manifest, port)
    requests = len(server.asked)
    wrong = f"sha256:{'0' * 64}"
    app.edit(models=models(server, TWO, digest=wrong))
    stalled = namespace.wait_condition("app", "Stalled", "True", "DigestMismatch")
    assert "spec.models[0]: " in stalled["message"] and wrong in stalled["message"]
    assert ask(port) == ONE and len(server.asked) == requests + 1

    app.edit(models=models(server, TWO))
    namespace.wait_ready("app")
    assert ask(port) == TWO
    (model,) = app.get()["status"]["models"]
    app.edit(models=models(server, TWO, digest=model["digest"]), scoring=given.inline(given.script("three")))
    requests = len(server.asked)
    namespace.wait_ready("app")
    assert (ask(port), len(server.asked)) == ("three", requests)

    server.answers = [Answer(401, b"")]
    app.edit(models=[{"name": "uri-word", "uri": f"{server.url}/other.txt#sha256={'1' * 64}"}])
    namespace.wait_condition("app", "Stalled", "True", "AddressRefused")
    assert ask(port) == "three"

    seen = namespace.kubectl("get", "lmd,events,configmaps,controllerrevisions,deployments,pods", "-o", "json")
    seen += namespace.kubectl("logs", "--selector=localmodel.dev/deployment=app", "--tail=-1")
    seen += operator.log_since(since)
    for text in (PASSWORD, encoded(PASSWORD), encoded(f"me:{PASSWORD}")):
        assert text not in seen
        assert [path for path in written(home / "store", began) if text.encode() in path.read_bytes()] == []
        keys = etcd_keys(namespace, text)
        assert all(key.startswith("/registry/secrets/") for key in keys), keys
    assert f"/registry/secrets/{namespace.name}/hub" in etcd_keys(namespace, PASSWORD)


def written(folder: Path, since: float) -> list[Path]:
    """The files, layers of images among them, that are of after this time."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_mtime >= since]
    assert any("blobs" in path.parts for path in files)
    return files


def etcd_keys(namespace: Namespace, text: str) -> set[str]:
    """The keys of what etcd's file has of the text, also of what has been overwritten since."""
    node = f"{namespace.cluster.name}-control-plane"
    command = ["docker", "exec", node, "cat", "/var/lib/etcd/member/snap/db"]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    keys = set()
    for place in re.finditer(re.escape(text.encode()), data):
        key = re.compile(rb"/registry/[\w./-]+").match(data, data.rindex(b"/registry/", 0, place.start()))
        keys.add(key[0].decode() if key else "")
    return keys


def test_a_moved_tag_is_followed_without_an_edit(namespace: Namespace, port: int, tmp_path: Path) -> None:
    (tmp_path / "registry").mkdir()
    with oci_registry.serving(tmp_path / "registry") as host:
        push(tmp_path, ONE, host)
        moving = [{"name": "uri-moving", "uri": f"oci://{host}/models/word:champion", "refresh": {"interval": "3s"}}]
        namespace.apply(given.lmd("app", port, given.inline(SCRIPT), models=moving))
        namespace.wait_ready("app")
        assert ask(port) == ONE
        before = namespace.get("lmd", "app")
        with Load(port):
            push(tmp_path, TWO, host)
            eventually(lambda: ask(port) == TWO, "the version that the tag leads to now")
    eventually(lambda: "NotRefreshed" in str(namespace.get("lmd", "app")["status"]), "that nothing answers any more")
    after = namespace.wait_ready("app")
    assert ask(port) == TWO and after["metadata"]["generation"] == before["metadata"]["generation"]
    (first,), (second,) = before["status"]["models"], after["status"]["models"]
    assert second["version"] == first["version"] + 1


def push(folder: Path, word: str, host: str) -> None:
    """Let the tag lead to a version with this word, from a store of its own."""
    (folder / "word.txt").write_text(word)
    version = register(folder / "home", "word", folder / "word.txt")
    command = [LMD, "model", "push", f"word:{version}", f"{host}/models/word:champion"]
    environment = {**os.environ, "LOCALMODEL_HOME": str(folder / "home")}
    subprocess.run(command, env=environment, check=True, capture_output=True)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
