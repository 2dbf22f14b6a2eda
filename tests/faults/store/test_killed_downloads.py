"""A download that is killed leaves nothing half taken in, and what it has left goes with the next one."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from support.lmd_command import LMD

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.store import Store
from localmodel_operator.inputs.fetch import Request
from localmodel_operator.inputs.fetches import in_a_process

CONTENT = os.urandom(6 << 20)
PIN = hashlib.sha256(CONTENT).hexdigest()


class Slow:
    """A server that sends half of the file, and the rest when it is told to."""

    def __init__(self) -> None:
        self.url, self.go_on = "", threading.Event()


@pytest.fixture
def server() -> Iterator[Slow]:
    slow = Slow()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.send_header("ETag", '"1"')
            self.end_headers()
            half = len(CONTENT) // 2
            self.wfile.write(CONTENT[:half])
            slow.go_on.wait(60)
            self.wfile.write(CONTENT[half:])

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        slow.url = f"http://127.0.0.1:{http.server_port}/churn.bin#sha256={PIN}"
        yield slow
        slow.go_on.set()
        http.shutdown()


def arrived(store: Path) -> list[Path]:
    """The files that have arrived in part."""
    return [path for path in (store / "incoming").rglob("*") if path.is_file() and path.stat().st_size]


def wait_for(condition: Callable[[], object]) -> None:
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise TimeoutError


def check_is_whole(folder: Path) -> None:
    store = Store(folder)
    (model,) = store.models.list()
    assert model.version == 1
    store.models.download("churn", 1, folder.parent / "out")
    assert (folder.parent / "out" / "churn.bin").read_bytes() == CONTENT
    assert list(store.verify()) == []
    assert list((folder / "incoming").iterdir()) == []


def test_an_import_that_is_killed(server: Slow, tmp_path: Path) -> None:
    environment = {**os.environ, "LOCALMODEL_HOME": str(tmp_path / "home")}
    store = tmp_path / "home" / "store"
    command = [LMD, "model", "import", server.url]
    for _ in range(2):
        with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as killed:
            wait_for(lambda: arrived(store))
            killed.send_signal(signal.SIGKILL)
        assert Store(store).models.list() == []
        assert len(arrived(store)) == 1, "and not one of each try"
    server.go_on.set()
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert finished.stdout == "churn:1\n", finished.stderr
    check_is_whole(store)


async def test_a_fetch_of_the_operators_that_is_killed(
    server: Slow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    children: list[Any] = []
    start = asyncio.create_subprocess_exec

    async def started(*arguments: Any, **options: Any) -> Any:
        children.append(await start(*arguments, **options))
        return children[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", started)
    store = tmp_path / "store"
    request = Request(str(store), "churn", server.url, "", {"username": "me", "password": "secret"})
    fetch = asyncio.create_task(in_a_process(request, lambda done, total: None))
    await asyncio.to_thread(wait_for, lambda: arrived(store))
    children[0].send_signal(signal.SIGKILL)
    with pytest.raises(UserError, match="the fetch ended without a result") as caught:
        await fetch
    assert caught.value.reason == reasons.ADDRESS_UNREACHABLE, "which is tried again"
    assert Store(store).models.list() == [] and len(arrived(store)) == 1
    assert list((tmp_path / "tmp").iterdir()) == [], "where its credentials have been"
    server.go_on.set()
    assert await in_a_process(request, lambda done, total: None) == 1
    check_is_whole(store)
