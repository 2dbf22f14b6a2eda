"""Registries that hand out tokens, as the public ones do: asked for with Docker's credentials, once."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from localmodel import digests
from localmodel.errors import UserError
from localmodel.store import Store

LOGIN = base64.b64encode(b"data:secret").decode()


class Registry(BaseHTTPRequestHandler):
    """Keeps blobs and manifests in memory; wants `Bearer pull` to read and `Bearer push` to write."""

    protocol_version = "HTTP/1.1"
    kept: ClassVar[dict[str, bytes]]
    asked: ClassVar[list[str]]

    def do_HEAD(self) -> None:
        self._read(with_body=False)

    def do_GET(self) -> None:
        if not self.path.startswith("/token"):
            self._read(with_body=True)
            return
        self.asked.append(self.path)
        known = self.headers.get("Authorization") == f"Basic {LOGIN}"
        scope = "push" if "push" in self.path else "pull"
        self._answer(200 if known else 401, json.dumps({"token": scope}).encode() if known else b"")

    def do_POST(self) -> None:
        self._upload(202, {"Location": "/v2/team/ridge/blobs/uploads/1"})

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        where = self.path.rpartition("/")[2] if "manifests" in self.path else digests.of_bytes(content)
        self.kept[where] = content
        self._upload(201, {})

    def _upload(self, status: int, headers: dict[str, str]) -> None:
        if self._allowed("push"):
            self._answer(status, b"", headers)

    def _read(self, with_body: bool) -> None:
        if self._allowed("pull"):
            content = self.kept.get(self.path.rpartition("/")[2])
            self._answer(404 if content is None else 200, content or b"", with_body=with_body)

    def _allowed(self, scope: str) -> bool:
        if self.headers.get("Authorization") in (f"Bearer {scope}", "Bearer push"):
            return True
        realm = f"http://{self.headers['Host']}/token"
        challenge = f'Bearer realm="{realm}",service="test",scope="repository:team/ridge:{scope}"'
        self._answer(401, b"", {"WWW-Authenticate": challenge})
        return False

    def _answer(
        self, status: int, content: bytes, headers: dict[str, str] | None = None, with_body: bool = True
    ) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name there
        pass


@contextmanager
def registry() -> Iterator[tuple[str, list[str]]]:
    """host:port, and the paths of what was asked for tokens."""

    class Handler(Registry):
        kept: ClassVar[dict[str, bytes]] = {}
        asked: ClassVar[list[str]] = []

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}", Handler.asked
        finally:
            server.shutdown()
            thread.join()


def test_a_token_is_asked_for_each_scope_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    here, there = Store(tmp_path / "here" / "store"), Store(tmp_path / "there" / "store")
    (tmp_path / "ridge.bin").write_bytes(bytes(3 << 20))
    model = here.models.register("ridge", tmp_path / "ridge.bin", tags={"area": "diabetes"})
    with registry() as (host, asked):
        with pytest.raises(UserError, match=f"docker login {host}"):
            here.push(model, f"{host}/team/ridge:1")
        asked.clear()
        (tmp_path / "config.json").write_text(json.dumps({"auths": {host: {"auth": LOGIN}}}))
        here.push(model, f"{host}/team/ridge:1")
        assert len(asked) == 2
        assert there.pull(f"{host}/team/ridge:1") == model
        assert len(asked) == 3
