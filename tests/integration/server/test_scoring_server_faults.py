"""What happens when a worker crashes, hangs, or cannot come back."""

from __future__ import annotations

import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.server.movable_clock import move_clock, python_with_movable_clock
from support.server.scoring_server_process import ScoringServer, eventually, is_alive, write_script

SCRIPT = """
import ctypes
import json
import os
import re
import subprocess
import time


def init():
    if os.path.exists("broken"):
        raise RuntimeError("the model is gone")


def run(raw_data):
    data = json.loads(raw_data)
    action = data.get("do")
    if action == "exit":
        os._exit(7)
    if action == "segfault":
        ctypes.string_at(0)
    if action == "loop":
        while True:
            pass
    if action == "hold-the-gil":
        re.match(r"(a+)+$", "a" * 40 + "b")
    if action == "wait":
        go = data.get("for", "go")
        open(go + "-awaited", "w").close()
        while not os.path.exists(go):
            time.sleep(0.01)
    if action == "child":
        return {"child": subprocess.Popen(["sleep", "60"]).pid}
    return {"pid": os.getpid()}
"""


def start(folder: Path, **environment: str) -> ScoringServer:
    variables = write_script(folder / "app", SCRIPT) | {"LOCALMODEL_REVISION": "r1"} | environment
    return ScoringServer(folder, variables)


@pytest.mark.parametrize(("action", "how"), [("exit", "exit code 7"), ("segfault", "SIGSEGV")])
def test_a_crash_is_one_500_and_a_fresh_worker(tmp_path: Path, action: str, how: str) -> None:
    with start(tmp_path) as server:
        server.wait_until_ready()
        pid = server.score({}).json["pid"]
        with ThreadPoolExecutor() as executor:
            asked = []
            for number, body in enumerate(({"do": "wait"}, {"do": action}, {}), 1):
                asked.append(executor.submit(server.score, body))
                server.wait_until_asked(number)
            (tmp_path / "app" / "go").touch()
        slow, crash, behind = asked
        assert slow.result().status == 200
        assert crash.result().status == 500
        assert crash.result().message == f"the worker process died ({how})"
        assert crash.result().headers["x-ms-run-function-failed"] == "True"
        assert behind.result().status == 200, "a request that waited behind the crash is answered"
        assert behind.result().json["pid"] != pid
        if action == "segfault":
            assert "score.py" in server.log, "the log names the line that crashed"


@pytest.mark.parametrize("action", ["loop", "hold-the-gil"])
def test_a_timeout_is_one_500_and_a_fresh_worker(tmp_path: Path, action: str) -> None:
    with start(tmp_path, SCORING_TIMEOUT_MS="2000") as server:
        server.wait_until_ready()
        pid = server.score({}).json["pid"]
        started = time.monotonic()
        reply = server.score({"do": action})
        assert 2 <= time.monotonic() - started < 15
        assert reply.status == 500
        assert "2000 ms" in reply.message
        assert reply.headers["x-ms-run-function-failed"] == "True"
        assert server.score({}).json["pid"] != pid
        eventually(lambda: not is_alive(pid))


def test_processes_that_a_script_started_end_with_its_worker(tmp_path: Path) -> None:
    with start(tmp_path) as server:
        server.wait_until_ready()
        child = server.score({"do": "child"}).json["child"]
        assert is_alive(child)
        assert server.score({"do": "exit"}).status == 500
        eventually(lambda: not is_alive(child))


def test_a_worker_that_dies_while_idle_is_replaced(tmp_path: Path) -> None:
    with start(tmp_path, WORKER_COUNT="2") as server:
        server.wait_until_ready()
        before = server.worker_pids()
        assert len(before) == 2
        os.kill(before[0], signal.SIGKILL)
        assert server.score({}).status == 200
        eventually(lambda: len(server.worker_pids()) == 2 and before[0] not in server.worker_pids())


def test_a_worker_that_cannot_come_back_makes_the_server_unready_until_it_can(tmp_path: Path) -> None:
    with start(tmp_path) as server:
        server.wait_until_ready()
        broken = tmp_path / "app" / "broken"
        broken.touch()
        assert server.score({"do": "exit"}).status == 500
        eventually(lambda: "the model is gone" in server.get("/readyz").json.get("message", ""), server)
        for reply in (server.get("/readyz"), server.get("/"), server.score({})):
            assert reply.status == 503
            assert reply.message == "init() failed: score.py:12: RuntimeError: the model is gone"
        assert server.get("/livez").status == 200
        time.sleep(1)
        assert server.log.count("could not be restarted") <= 3, "restarts are spaced out"
        broken.unlink()
        server.wait_until_ready()
        assert server.score({}).status == 200


def test_a_full_line_refuses_at_once_and_keeps_what_waits(tmp_path: Path) -> None:
    with start(tmp_path) as server:
        server.wait_until_ready()
        busy = open_request(server, b'{"do": "wait"}')
        server.wait_until_asked(1)
        waiting = [open_request(server, b"{}") for _ in range(2048)]
        server.wait_until_asked(2049)
        reply = server.score({})
        assert reply.status == 503
        assert reply.headers["retry-after"] == "1"
        assert "2048 requests wait" in reply.message
        assert server.get("/readyz").status == 200
        (tmp_path / "app" / "go").touch()
        for connection in (busy, *waiting):
            with connection:
                assert connection.recv(100).startswith(b"HTTP/1.1 200 ")


def test_a_request_that_waits_too_long_for_a_worker_is_told_to_come_again(tmp_path: Path) -> None:
    """The second one waits and runs for longer than the limit, but neither takes that long by itself."""
    folder = tmp_path / "app"
    variables = write_script(folder, SCRIPT) | {"SCORING_TIMEOUT_MS": "600000"}
    with ScoringServer(tmp_path, variables, python=python_with_movable_clock(tmp_path, seconds=400)) as server:
        server.wait_until_ready()
        requests = []
        for number in range(1, 4):
            requests.append(open_request(server, b'{"do": "wait", "for": "go-%d"}' % number))
            server.wait_until_asked(number)
        first, second, third = requests
        with first, second, third:
            eventually((folder / "go-1-awaited").exists, server)
            move_clock(server)
            (folder / "go-1").touch()
            eventually((folder / "go-2-awaited").exists, server)
            move_clock(server)
            refused = third.recv(100).split()[1]
            (folder / "go-2").touch()
            statuses = [first.recv(100).split()[1], second.recv(100).split()[1], refused]
        assert statuses == [b"200", b"200", b"503"]


def open_request(server: ScoringServer, body: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    head = b"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)
    connection.sendall(head + body)
    return connection
