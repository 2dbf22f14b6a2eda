"""What a pod is sent: a tar that a server can read, equal for equal parts."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

from localmodel.disk.executable import Executable, is_executable
from localmodel.oci import layers
from localmodel.oci.layout import Blob
from localmodel.resource import gate as manifest_gate
from localmodel.resource.spec import GateSpec
from localmodel.store import ModelVersion
from localmodel_operator.pods.bundle import BundleArchive, describe
from localmodel_server import gate
from localmodel_server.admin.bundle import unpack

MODEL = ModelVersion("digits", 3, "sha256:" + "d" * 64, Blob("sha256:" + "b" * 64, 4), "2026-01-01T00:00:00Z")
CONTENT = "sha256:" + "c" * 64
DESCRIPTION = describe(5, CONTENT, "key", "score.py", [MODEL], {"LEVEL": "info", "GONE": None})
CODE = {"score.py": b"def init(): ...", "lib/words.py": b"WORDS = 1"}
GATE = manifest_gate.requests(GateSpec(({"body": "[1]"},)))


def unpacked(bundle: BundleArchive) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(b"".join(bundle.chunks()))) as archive:
        files = [member for member in archive if member.isfile()]
        return {member.name: archive.extractfile(member).read() for member in files}  # type: ignore[union-attr]


def test_a_server_can_read_it(tmp_path: Path) -> None:
    """By the code that runs in the pods."""
    sent = tmp_path / "bundle.tar"
    archive = archive_of(tmp_path, weights=b"1234", labels=b"a b")
    sent.write_bytes(b"".join(BundleArchive(DESCRIPTION, CODE, {MODEL.digest: archive}, GATE).chunks()))
    target = tmp_path / "unpacked"
    target.mkdir()
    read = unpack(sent, target, 1 << 20)
    assert (read.revision, read.entry, read.content, read.environment) == ("5", "score.py", CONTENT, "key")
    assert read.models == (("digits", "3", MODEL.digest),)
    assert read.variables == {"LEVEL": "info", "GONE": None}
    assert (target / "code/lib/words.py").read_bytes() == b"WORDS = 1"
    assert (target / "models" / ("d" * 64) / "weights").read_bytes() == b"1234"
    requests = gate.read((target / "gate.json").read_text())
    assert [(each.path, each.body) for each in requests] == [("/score", b"[1]")]


def test_what_can_be_executed_still_can_in_the_pod(tmp_path: Path) -> None:
    sent, target = tmp_path / "bundle.tar", tmp_path / "unpacked"
    code = {**CODE, "bin/tagger": Executable(b"#!/bin/sh")}
    sent.write_bytes(b"".join(BundleArchive(DESCRIPTION, code, {}, []).chunks()))
    target.mkdir()
    unpack(sent, target, 1 << 20)
    assert is_executable(target / "code/bin/tagger") and not is_executable(target / "code/score.py")


def test_code_settings_and_gate() -> None:
    content = unpacked(BundleArchive(DESCRIPTION, CODE, {}, GATE))
    assert set(content) == {"bundle.json", "code/score.py", "code/lib/words.py", "gate.json"}
    assert content["code/lib/words.py"] == b"WORDS = 1"
    assert json.loads(content["gate.json"]) == list(GATE)
    assert json.loads(content["bundle.json"]) == {
        "revision": "5",
        "content": CONTENT,
        "environment": "key",
        "entry": "score.py",
        "models": [{"name": "digits", "version": "3", "digest": MODEL.digest}],
        "variables": {"LEVEL": "info", "GONE": None},
    }


def test_without_a_gate_there_is_no_file_of_it() -> None:
    assert "gate.json" not in unpacked(BundleArchive(DESCRIPTION, CODE, {}, []))


def archive_of(folder: Path, **files: bytes) -> Path:
    """A model as the store keeps it."""
    path = folder / "archive"
    entries = [layers.Entry(name, content) for name, content in files.items()]
    path.write_bytes(b"".join(layers.tar(entries)))
    return path


def test_models_lie_below_their_digest(tmp_path: Path) -> None:
    archive = archive_of(tmp_path, weights=b"1234", labels=b"a b")
    bundle = BundleArchive(DESCRIPTION, CODE, {MODEL.digest: archive}, [])
    content = unpacked(bundle)
    below = f"models/{'d' * 64}"
    models = {path: text for path, text in content.items() if path.startswith("models/")}
    assert models == {f"{below}/weights": b"1234", f"{below}/labels": b"a b"}
    assert bundle.has_models
    assert not BundleArchive(DESCRIPTION, CODE, {}, []).has_models


def test_equal_parts_give_equal_bytes(tmp_path: Path) -> None:
    archive = archive_of(tmp_path, weights=b"1234")

    def made(code: dict[str, bytes]) -> bytes:
        return b"".join(BundleArchive(DESCRIPTION, code, {MODEL.digest: archive}, GATE).chunks())

    assert made(CODE) == made(dict(reversed(CODE.items())))


def test_digest_and_size_are_those_of_what_is_sent(tmp_path: Path) -> None:
    bundle: Any = BundleArchive(DESCRIPTION, CODE, {MODEL.digest: archive_of(tmp_path, weights=bytes(3_000_000))}, GATE)
    sent = b"".join(bundle.chunks())
    assert bundle.digest == hashlib.sha256(sent).hexdigest()
    assert bundle.size == len(sent)
