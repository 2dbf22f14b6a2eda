"""Two machines share models, environments and code over a real OCI registry."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import oci_registry

from localmodel.errors import UserError
from localmodel.resource.spec import EnvironmentSpec
from localmodel.store import Store

SPEC = EnvironmentSpec("3.11", ("numpy==1.26.4",))


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with oci_registry.serving(tmp_path_factory.mktemp("registry")) as host:
        yield host


@pytest.fixture
def here(tmp_path: Path) -> Store:
    return Store(tmp_path / "here" / "store")


@pytest.fixture
def there(tmp_path: Path) -> Store:
    return Store(tmp_path / "there" / "store")


def file(tmp_path: Path, content: bytes = b"weights") -> Path:
    path = tmp_path / "ridge.bin"
    path.write_bytes(content)
    return path


def get(host: str, path: str, accept: str = "*/*") -> tuple[Any, str]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(f"http://{host}/v2/{path}", headers={"Accept": accept})
    with opener.open(request, timeout=60) as answer:
        return json.loads(answer.read()), answer.headers.get("Docker-Content-Digest", "")


def test_a_model_is_the_same_on_both_machines(registry: str, here: Store, there: Store, tmp_path: Path) -> None:
    told = {"tags": {"area": "diabetes"}, "properties": {"alpha": "0.5"}, "description": "Ridge"}
    pushed = here.models.register("ridge", file(tmp_path), framework="ScikitLearn", **told)  # type: ignore[arg-type]
    reference = f"{registry}/team/ridge:1"
    assert here.push(pushed, reference) == pushed.digest
    pulled = there.pull(reference)
    assert pulled == pushed == there.models.get("ridge")
    assert there.models.download("ridge", 1, tmp_path / "out").read_bytes() == b"weights"
    assert there.pull(reference) == pulled
    assert there.models.versions("ridge") == [1]
    assert list(there.verify()) == []


def test_the_registry_has_the_manifest_as_it_is_and_the_record_beside_it(
    registry: str, here: Store, tmp_path: Path
) -> None:
    model = here.models.register("ridge", file(tmp_path), tags={"area": "diabetes"})
    here.push(model, f"{registry}/beside/ridge:v1")
    manifest, digest = get(registry, "beside/ridge/manifests/v1", "application/vnd.oci.image.manifest.v1+json")
    assert digest == model.digest
    assert manifest["artifactType"] == "application/vnd.cncf.model.manifest.v1+json"
    record, _ = get(registry, "beside/ridge/manifests/v1.record", "application/vnd.oci.image.manifest.v1+json")
    assert record["subject"]["digest"] == model.digest
    told, _ = get(registry, f"beside/ridge/blobs/{record['layers'][0]['digest']}")
    assert told["tags"] == {"area": "diabetes"}


def test_environments_and_code_travel_too(registry: str, here: Store, there: Store) -> None:
    environment = here.environments.register("project", SPEC, {"LEVEL": "info"})
    code = here.code.register("score", {"score.py": b"def run(): ...", "a/b.py": b""}, "score.py")
    for version in (environment, code):
        here.push(version, f"{registry}/kinds/{version.name}:1")
        assert there.pull(f"{registry}/kinds/{version.name}:1") == version
    assert there.environments.get("project").spec == SPEC
    assert there.code.files(there.code.get("score")) == {"score.py": b"def run(): ...", "a/b.py": b""}


def test_a_model_without_its_record_is_pulled_by_its_own_name_or_another(
    registry: str, here: Store, there: Store, tmp_path: Path
) -> None:
    """As another tool would have copied it."""
    model = here.models.register("ridge", file(tmp_path), tags={"area": "diabetes"})
    here.push(model, f"{registry}/bare/ridge:1")
    here.models.update("ridge", 1, tags={"area": "age"})
    here.push(here.models.get("ridge"), f"{registry}/bare/ridge:2")
    manifest, _ = get(registry, "bare/ridge/manifests/1", "application/vnd.oci.image.manifest.v1+json")
    request = urllib.request.Request(
        f"http://{registry}/v2/bare/ridge/manifests/copy",
        json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode(),
        {"Content-Type": "application/vnd.oci.image.manifest.v1+json"},
        method="PUT",
    )
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60).close()
    pulled = there.pull(f"{registry}/bare/ridge:copy")
    assert (pulled.name, pulled.digest) == ("ridge", model.digest)
    assert there.models.get("ridge").tags == {}
    assert there.pull(f"{registry}/bare/ridge:copy", name="other").name == "other"
    assert there.models.find("other").digest == model.digest


def test_what_is_there_already_is_not_sent_again(registry: str, here: Store, there: Store, tmp_path: Path) -> None:
    content = os.urandom(3 << 20)
    one = here.models.register("ridge", file(tmp_path, content))
    two = here.models.register("ridge", file(tmp_path, content), description="better")
    sent: list[int] = []
    here.push(one, f"{registry}/again/ridge:1", progress=lambda done, total: sent.append(done))
    assert sent == sorted(sent) and sent[-1] > 3 << 20
    sent.clear()
    here.push(two, f"{registry}/again/ridge:2", progress=lambda done, total: sent.append(done))
    assert sent == []
    received: list[tuple[int, int]] = []
    there.pull(f"{registry}/again/ridge:1", progress=lambda done, total: received.append((done, total)))
    assert received[-1][0] == received[-1][1] > 3 << 20
    received.clear()
    assert there.pull(f"{registry}/again/ridge:2").version == 2
    assert received == []


def test_content_that_the_registry_damaged_is_refused(
    here: Store, there: Store, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    with oci_registry.serving(folder) as host:
        model = here.models.register("ridge", file(tmp_path))
        here.push(model, f"{host}/ridge:1")
        kept = model.weights.digest.removeprefix("sha256:")
        (data,) = (folder / "data").rglob(f"{kept}/data")
        data.write_bytes(data.read_bytes().replace(b"weights", b"WEIGHTS"))
        with pytest.raises(UserError, match="what arrived is sha256:") as damaged:
            there.pull(f"{host}/ridge:1")
    assert damaged.value.reason == "ContentDamaged"
    assert there.models.list() == []
    there.collect_garbage()
    assert there.layout.blobs() == [] == list((there.root / "incoming").iterdir())


def test_credentials_are_dockers(here: Store, there: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "registry"
    folder.mkdir()
    model = here.models.register("ridge", file(tmp_path, os.urandom(2 << 20)))
    docker = tmp_path / "docker"
    docker.mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(docker))
    with oci_registry.serving(folder, login=True) as host:
        with pytest.raises(UserError, match=f"docker login {host}") as refused:
            here.push(model, f"{host}/ridge:1")
        assert refused.value.reason == "RegistryRefused"
        login = base64.b64encode(f"{oci_registry.USER}:{oci_registry.PASSWORD}".encode()).decode()
        (docker / "config.json").write_text(json.dumps({"auths": {host: {"auth": login}}}))
        here.push(model, f"{host}/ridge:1")
        assert there.pull(f"{host}/ridge:1") == model


def test_what_cannot_be_done_is_said(registry: str, here: Store, tmp_path: Path) -> None:
    model = here.models.register("ridge", file(tmp_path))
    reasons = []
    for reference in ("ridge", "ridge:1", f"{registry}/ridge", "127.0.0.1:1/ridge:1"):
        with pytest.raises(UserError) as error:
            here.push(model, reference)
        reasons.append(error.value.reason)
    with pytest.raises(UserError, match="no tag 9") as missing:
        here.pull(f"{registry}/team/nothing:9")
    assert [*reasons, missing.value.reason] == [*["ReferenceInvalid"] * 3, "RegistryUnreachable", "ArtifactNotFound"]


def test_the_commands_share_a_model_between_two_homes(registry: str, here: Store, tmp_path: Path) -> None:
    here.models.register("ridge", file(tmp_path), tags={"area": "diabetes"})

    def lmd(home: str, *arguments: str) -> str:
        command = [str(Path(sys.executable).with_name("lmd")), "model", *arguments]
        environment = {**os.environ, "LOCALMODEL_HOME": str(tmp_path / home)}
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    reference = f"{registry}/commands/ridge:1"
    digest = here.models.get("ridge").digest
    assert lmd("here", "push", "ridge", reference) == f"{reference} is {digest}\n"
    assert lmd("there", "pull", reference) == "ridge:1\n"
    assert json.loads(lmd("there", "show", "ridge", "-o", "json"))["tags"] == {"area": "diabetes"}


BIG = """
import sys
from pathlib import Path
from localmodel.store import Store
def peak():  # of this program alone: ru_maxrss begins with what the program had that started it
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024
store, reference = Store(Path(sys.argv[2])), sys.argv[3]
from localmodel.oci import registry
from localmodel.store.sharing import transfer
before = peak()
if sys.argv[1] == "push":
    store.push(store.models.get("big"), reference)
else:
    store.pull(reference)
print(peak() - before)
"""


def test_a_big_model_needs_little_memory(registry: str, here: Store, there: Store, tmp_path: Path) -> None:
    with (tmp_path / "big.bin").open("wb") as big:
        for _ in range(300):
            big.write(os.urandom(1 << 20))
    here.models.register("big", tmp_path / "big.bin")
    for verb, store in (("push", here), ("pull", there)):
        command = [sys.executable, "-c", BIG, verb, str(store.root), f"{registry}/big:1"]
        peak = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        assert peak < 50, f"{verb}: {peak} MiB more"
    assert there.models.get("big").digest == here.models.get("big").digest
