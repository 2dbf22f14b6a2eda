"""Models from a registry, a bucket of a real S3 server and a hub, with the libraries that a user installs for them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from clients import interpreter
from support import oci_registry
from support.lmd_command import Lmd, Result, free_port, script

CONTENT = os.urandom(12_000_000)  # more than is read at once
PIN = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(scope="module")
def libraries() -> str:
    """The folder that the libraries are imported from."""
    return str(next(interpreter("addresses").parents[1].glob("lib/python*/site-packages")))


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    url = f"http://127.0.0.1:{(port := free_port())}"
    server = [interpreter("addresses"), "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(server, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(600):
                try:
                    put(f"{url}/bucket", b"")
                    break
                except (OSError, urllib.error.URLError):
                    time.sleep(0.1)
            put(f"{url}/bucket/models/churn.pkl", CONTENT)
            put(f"{url}/bucket/models/digits/", b"")
            put(f"{url}/bucket/models/digits/MLmodel", b"flavors: {}")
            put(f"{url}/bucket/models/digits/data/model.bin", b"123")
            yield url
        finally:
            process.terminate()


def put(url: str, body: bytes) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.open(
        urllib.request.Request(url, body, {"Content-Type": "application/octet-stream"}, method="PUT"), timeout=10
    ).close()


class Hub(BaseHTTPRequestHandler):
    """A hub with one model, and one that is gated."""

    asked: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.asked.append((path, self.headers.get("Authorization")))
        files = [
            {"rfilename": "config.json", "size": 2},
            {"rfilename": "onnx/model.onnx", "size": 3, "lfs": {"size": 3, "sha256": sha("123"), "pointerSize": 1}},
            {"rfilename": "spoilt.bin", "size": 3, "lfs": {"size": 3, "sha256": sha("other"), "pointerSize": 1}},
        ]
        kept = {
            "/api/models/owner/model/revision/v1": json.dumps(
                {"id": "owner/model", "sha": "c0ffee", "siblings": files}
            ),
            "/api/models/owner/gated": json.dumps({"id": "owner/gated", "sha": "c0ffee", "siblings": files}),
            "/owner/model/resolve/c0ffee/config.json": "{}",
            "/owner/model/resolve/c0ffee/onnx/model.onnx": "123",
            "/owner/model/resolve/c0ffee/spoilt.bin": "123",
        }
        status = 200 if path in kept else 403 if "/owner/gated/" in path else 404
        body = kept.get(path, "").encode()
        self.send_response(status)
        if status == 404:
            self.send_header("X-Error-Code", "RevisionNotFound" if "/revision/" in path else "RepoNotFound")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def lmd(tmp_path: Path) -> Lmd:
    return Lmd(tmp_path)


def test_a_file_and_a_folder_of_a_bucket(lmd: Lmd, libraries: str, s3: str, tmp_path: Path) -> None:
    credentials = {"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}

    def ask(address: str, **changed: str) -> Result:
        variables = {"PYTHONPATH": libraries, "AWS_ENDPOINT_URL": s3, **credentials, **changed}
        return lmd("model", "import", address, env=variables)

    assert ask(f"s3://bucket/models/churn.pkl#sha256={PIN}").out == "churn:1\n"
    lmd("model", "download", "churn")
    assert (tmp_path / "churn.pkl").read_bytes() == CONTENT
    assert ask("s3://bucket/models/digits").out == "digits:1\n"
    lmd("model", "download", "digits")
    arrived = {str(path.relative_to(tmp_path)) for path in (tmp_path / "digits").rglob("*") if path.is_file()}
    assert arrived == {"digits/MLmodel", "digits/data/model.bin"}

    for address, words in {
        f"s3://bucket/models/churn.pkl#sha256={'0' * 64}": "the file has sha256=",
        f"s3://bucket/models/digits#sha256={PIN}": "it is a folder, and #sha256= is for one file",
        "s3://bucket/none.pkl": "s3://bucket/none.pkl: there is nothing",
    }.items():
        failed = ask(address)
        assert failed.code == 1
        assert words in failed.err
        assert "secret" not in failed.err


def test_a_revision_of_a_model_on_a_hub(lmd: Lmd, libraries: str, hub: str, tmp_path: Path) -> None:
    def ask(address: str) -> Result:
        variables = {"PYTHONPATH": libraries, "HF_ENDPOINT": hub, "HF_TOKEN": "hf_secret", "HF_HOME": str(tmp_path)}
        return lmd("model", "import", address, env=variables)

    assert ask("hf://owner/model@v1/onnx").out == "model:1\n"
    lmd("model", "download", "model")
    assert (tmp_path / "model/onnx/model.onnx").read_bytes() == b"123"
    assert ask("hf://owner/model@v1/onnx/model.onnx").out == "model:2\n"
    of_the_model = [token for path, token in Hub.asked if "/owner/model/" in path]
    assert of_the_model == ["Bearer hf_secret"] * 4, Hub.asked

    for address, words in {
        "hf://owner/model@v1": "(spoilt.bin): the file has sha256=",
        "hf://owner/model@v2": "the model has no branch, tag or commit v2",
        "hf://owner/none": "the hub has no such model",
        "hf://owner/gated": "accept the model's conditions on its page there, and set HF_TOKEN",
    }.items():
        failed = ask(address)
        assert failed.code == 1
        assert words in failed.err
        assert "hf_secret" not in failed.err


def test_a_model_of_a_registry(lmd: Lmd, tmp_path: Path) -> None:
    (tmp_path / "churn.bin").write_bytes(CONTENT)
    (tmp_path / "registry").mkdir()
    with oci_registry.serving(tmp_path / "registry") as host:
        lmd("model", "register", "churn.bin", "--name", "churn")
        lmd("model", "push", "churn", f"{host}/models/churn:1")
        assert lmd("model", "import", f"oci://{host}/models/churn:1", "--name", "copy").out == "copy:1\n"
        missing = lmd("model", "import", f"oci://{host}/models/churn:2")
    assert missing.code == 1
    assert "the registry has no tag 2" in missing.err
    lmd("model", "download", "copy", "--target-dir", "arrived")
    assert (tmp_path / "arrived/churn.bin").read_bytes() == CONTENT


def test_a_manifest_names_all_of_them_and_fetches_nothing_twice(
    lmd: Lmd, libraries: str, s3: str, hub: str, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "churn.bin").write_bytes(CONTENT)
    (tmp_path / "registry").mkdir()
    variables = {
        "PYTHONPATH": libraries,
        "AWS_ENDPOINT_URL": s3,
        "AWS_ACCESS_KEY_ID": "me",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "HF_ENDPOINT": hub,
        "HF_HOME": str(tmp_path),
    }
    with oci_registry.serving(tmp_path / "registry") as host:
        lmd("model", "register", "churn.bin", "--name", "churn")
        lmd("model", "push", "churn", f"{host}/models/churn:1")
        addresses = {
            "file": "s3://bucket/models/churn.pkl",
            "folder": "s3://bucket/models/digits",
            "hub": "hf://owner/model@v1/onnx",
            "registry": f"oci://{host}/models/churn:1",
        }
        manifest = lmd.manifest(script("1"), models=[{"name": name, "uri": uri} for name, uri in addresses.items()])
        try:
            first, again = (lmd("apply", "-f", manifest, env=variables) for _ in range(2))
            planned = lmd("plan", "-f", manifest, env=variables)
        finally:
            lmd("delete", "digits")
    assert (first.code, again.code) == (0, 0)
    assert [f"model {name}: {name}:1, nothing to download" in again.err for name in addresses] == [True] * 4
    assert "nothing" in planned.out
