"""What the pod that has built a wheel answers to other pods, which reach its port."""

from __future__ import annotations

import hashlib
import http.client
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from localmodel_operator.wheels import in_pod

WORD = "known to the operator"
WHEEL = "oldie-1.0-py3-none-any.whl"


@pytest.fixture(name="port")
def given_port(tmp_path: Path) -> Iterator[int]:
    (tmp_path / WHEEL).write_bytes(b"private code")
    digest = hashlib.sha256(WORD.encode()).hexdigest()
    with in_pod._Server(("", 0), in_pod._handler(tmp_path / WHEEL, digest)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def ask(port: int, path: str, headers: dict[str, str]) -> tuple[int, str | None, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.headers.get(in_pod.NAME_HEADER), answer.read()


def test_a_wheel_is_for_who_knows_the_word(port: int) -> None:
    assert ask(port, in_pod.READY, {}) == (200, None, b"")
    assert ask(port, in_pod.WHEEL, {in_pod.WORD_HEADER: WORD}) == (200, WHEEL, b"private code")


@pytest.mark.parametrize("word", [None, "", hashlib.sha256(WORD.encode()).hexdigest(), "\xff"])
def test_nobody_else_gets_it_or_its_name(port: int, word: str | None) -> None:
    status, name, content = ask(port, in_pod.WHEEL, {} if word is None else {in_pod.WORD_HEADER: word})
    assert (status, name) == (404, None) and b"private" not in content
