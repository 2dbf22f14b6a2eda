"""Stopping: what is in flight is answered, and no process stays behind."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from support.server.scoring_server_process import Reply, ScoringServer, eventually, is_alive, read_reply, write_script

SCRIPT = """
import json
import os
import re
import time


def init(): pass


def run(raw_data):
    data = json.loads(raw_data)
    if data.get("do") == "hold-the-gil":
        re.match(r"(a+)+$", "a" * 40 + "b")
    if data.get("do") == "hang":
        while True:
            try:
                time.sleep(60)
            except BaseException:
                pass
    while "until" in data and not os.path.exists(data["until"]):
        time.sleep(0.01)
    time.sleep(data.get("seconds", 0))
    return data
"""


def start(folder: Path, **environment: str) -> ScoringServer:
    return ScoringServer(folder, write_script(folder / "app", SCRIPT) | environment).wait_until_ready()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_requests_in_flight_and_in_line_are_answered(tmp_path: Path, number: signal.Signals) -> None:
    with start(tmp_path) as server:
        workers = server.worker_pids()
        connections = [server.connect() for _ in range(4)]
        for connection in connections:
            connection.request("POST", "/score", json.dumps({"until": str(tmp_path / "go")}))
        server.wait_until_asked(4)
        server.signal(number)
        eventually(lambda: "stopping: " in server.log, server)
        (tmp_path / "go").touch()
        for connection in connections:
            reply = read_reply(connection)
            assert reply.status == 200
            assert reply.headers["connection"] == "close"
        assert server.wait_for_end() == 0
        assert not [pid for pid in workers if is_alive(pid)]
        with pytest.raises(ConnectionRefusedError):
            server.get("/livez")


def test_a_drain_under_load_loses_nothing(tmp_path: Path) -> None:
    with start(tmp_path, LOCALMODEL_DRAIN_SECONDS="600", WORKER_COUNT="2") as server:
        replies: list[Reply] = []
        lost: list[str] = []
        leave = threading.Event()

        def client() -> None:
            """As behind a service: new connections stop a moment after the server has become unready."""
            connection = server.connect()
            while not leave.is_set():
                try:
                    connection.request("POST", "/score", '{"seconds": 0.003}')
                    replies.append(read_reply(connection))
                except (OSError, http.client.HTTPException) as error:
                    lost.append(repr(error))
                    return
            connection.close()

        threads = [threading.Thread(target=client) for _ in range(8)]
        for thread in threads:
            thread.start()
        eventually(lambda: len(replies) > 8, server)
        server.signal(signal.SIGTERM)
        eventually(lambda: server.get("/readyz").status == 503)
        assert "stopping" in server.get("/readyz").message
        assert server.get("/livez").status == 200
        eventually(lambda: replies[-1].headers.get("connection") == "close", server)
        leave.set()
        for thread in threads:
            thread.join()
        assert lost == []
        assert {reply.status for reply in replies} == {200}
        assert replies[0].headers.get("connection") != "close"
        assert replies[-1].headers["connection"] == "close"
        server.signal(signal.SIGINT)
        assert server.wait_for_end() == 0


def test_new_connections_are_taken_as_long_as_they_come(tmp_path: Path) -> None:
    """As from a proxy that notices late that a pod ends; probes, which a kubelet sends until the end, do not count."""
    with start(tmp_path, LOCALMODEL_DRAIN_SECONDS="600") as server:
        server.signal(signal.SIGTERM)
        eventually(lambda: server.get("/readyz").status == 503, server)
        assert server.get("/readyz?stopping=ready").status == 200, "where there is no other pod, clients are led here"
        late = time.monotonic() + 8
        while time.monotonic() < late:
            reply = server.score({})
            assert (reply.status, reply.headers["connection"]) == (200, "close")
            time.sleep(0.1)

        eventually(lambda: refuses_a_probe(server), server)
        assert server.wait_for_end() == 0


def refuses_a_probe(server: ScoringServer) -> bool:
    try:
        server.get("/readyz")
    except (OSError, http.client.HTTPException):
        return True
    return False


def test_a_drain_under_load_ends(tmp_path: Path) -> None:
    with start(tmp_path, LOCALMODEL_DRAIN_SECONDS="1") as server:
        server.signal(signal.SIGTERM)
        with pytest.raises((OSError, http.client.HTTPException)):
            while True:
                assert server.score({}).status == 200
        assert server.wait_for_end() == 0


def test_an_interrupt_does_not_wait_for_the_drain(tmp_path: Path) -> None:
    with start(tmp_path, LOCALMODEL_DRAIN_SECONDS="600") as server:
        server.signal(signal.SIGTERM)
        eventually(lambda: server.get("/readyz").status == 503)
        server.signal(signal.SIGINT)
        assert server.wait_for_end() == 0


def test_a_second_interrupt_does_not_wait_for_what_is_in_flight(tmp_path: Path) -> None:
    with start(tmp_path) as server:
        connection = server.connect()
        connection.request("POST", "/score", '{"do": "hang"}')
        server.wait_until_asked(1)
        workers = server.worker_pids()
        server.signal(signal.SIGINT)
        time.sleep(0.5)
        assert server.process.poll() is None
        server.signal(signal.SIGINT)
        assert server.wait_for_end() == 0
        assert not [pid for pid in workers if is_alive(pid)]


def test_a_stop_while_init_runs(tmp_path: Path) -> None:
    script = "import time\ndef init():\n    time.sleep(600)\ndef run(data): ...\n"
    with ScoringServer(tmp_path, write_script(tmp_path / "app", script)) as server:
        server.wait_until_listening()
        eventually(lambda: len(server.worker_pids()) == 1, server)
        (worker,) = server.worker_pids()
        server.signal(signal.SIGTERM)
        assert server.wait_for_end() == 0
        eventually(lambda: not is_alive(worker))


@pytest.mark.parametrize("action", ["", "hang", "hold-the-gil"])
def test_workers_end_with_a_server_that_was_killed(tmp_path: Path, action: str) -> None:
    with start(tmp_path, WORKER_COUNT="2") as server:
        workers = server.worker_pids()
        assert len(workers) == 2
        connection = server.connect()
        if action:
            connection.request("POST", "/score", f'{{"do": "{action}"}}')
            server.wait_until_asked(1)
        server.process.kill()
        eventually(lambda: not [pid for pid in workers if is_alive(pid)])


def test_nothing_is_written_beside_what_was_asked_for(tmp_path: Path) -> None:
    with start(tmp_path) as server:
        server.score({})
        server.signal(signal.SIGTERM)
        assert server.wait_for_end() == 0
    listing = subprocess.run(["find", str(tmp_path / "app"), "-type", "f"], capture_output=True, text=True, check=True)
    assert listing.stdout.split() == [str(tmp_path / "app" / "score.py")]
