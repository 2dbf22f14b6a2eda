"""A shared store in registries that let nobody write, take little, or list their tags in pages."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from localmodel.errors import UserError
from localmodel.oci.registry import Repository
from localmodel.store import Store


class Registry(BaseHTTPRequestHandler):
    """An empty store, whose tags come in pages; who sends a blob gets `refusal`."""

    pages: ClassVar[list[list[str]]] = [["localmodel-store", "models.iris.1"], ["models.iris.2"], []]
    refusal: ClassVar[tuple[int, str]]

    def do_HEAD(self) -> None:
        self._answer(404, {})

    def do_GET(self) -> None:
        path, _, page = self.path.partition("?page=")
        number = int(page or 0)
        last = number == len(self.pages) - 1
        link = {} if last else {"Link": f'<http://elsewhere.invalid{path}?page={number + 1}>; rel="next"'}
        self._answer(200, {"tags": self.pages[number] or None}, link)

    def do_POST(self) -> None:
        status, message = self.refusal
        self._answer(status, {"errors": [{"code": "DENIED", "message": message}]} if message else {})

    def _answer(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host = f"127.0.0.1:{server.server_port}"
        monkeypatch.setenv("LOCALMODEL_STORE", f"oci://{host}/team/store")
        yield host
        server.shutdown()


def test_all_pages_of_the_tags_are_read_from_the_registry_itself(host: str) -> None:
    with Repository(f"{host}/team/store:x", False) as repository:
        assert repository.tags() == ["localmodel-store", "models.iris.1", "models.iris.2"]


@pytest.mark.parametrize(
    "refusal, words",
    [
        (
            (403, "only readers"),
            "{host} does not let you write into team/store (DENIED: only readers); log in",
        ),
        ((401, ""), "log in first: docker login {host}"),
        ((413, ""), "{host} does not accept content of this size"),
        ((507, "quota exceeded"), "507 DENIED: quota exceeded"),
    ],
    ids=["read-only", "no login", "too large", "quota"],
)
def test_a_refusal_is_one_sentence(host: str, tmp_path: Path, refusal: tuple[int, str], words: str) -> None:
    Registry.refusal = refusal
    (tmp_path / "model.txt").write_text("x")
    store = Store(tmp_path / "home" / "store")
    with pytest.raises(UserError) as error:
        store.models.register("iris", tmp_path / "model.txt")
    assert error.value.reason == "RegistryRefused"
    assert words.format(host=host) in str(error.value)
    assert f"(LOCALMODEL_STORE is oci://{host}/team/store)" in str(error.value)
    assert store.models.list() == []
