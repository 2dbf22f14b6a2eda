"""Clients that hang up in the middle: nobody else notices, and the worker is free again."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.server.scoring_server_process import ScoringServer, eventually, write_script
from wire import Wire, chunked, post

SCRIPT = """
import json
import os
import time
from azureml.contrib.services.aml_response import AMLResponse

calls = 0


def init():
    pass


def pieces(count):
    for _ in range(count):
        time.sleep(0.01)
        yield b"x" * 10_000


def run(raw_data):
    global calls
    calls += 1
    data = json.loads(raw_data)
    while "until" in data and not os.path.exists(data["until"]):
        time.sleep(0.01)
    if "seconds" in data:
        time.sleep(data["seconds"])
    if "pieces" in data:
        return AMLResponse(pieces(data["pieces"]), 200)
    if "megabytes" in data:
        return "x" * (data["megabytes"] << 20)
    return {"calls": calls, "pid": os.getpid()}
"""
REQUEST = post({"seconds": 0.2})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoringServer]:
    folder = tmp_path_factory.mktemp("gone")
    with ScoringServer(folder, {**write_script(folder / "app", SCRIPT), "LOCALMODEL_MODEL_NAME": "m"}) as server:
        server.wait_until_ready()
        pid = server.score({}).json["pid"]
        yield server
        assert server.score({}).json["pid"] == pid, "the worker has lived through all of it"
        assert "Traceback" not in server.log, server.log[server.log.index("Traceback") - 300 :][:3000]


def hang_up(wire: Wire, reset: bool) -> None:
    if reset:
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.socket.close()


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"POST /sco",
        REQUEST[:-5],
        chunked(b"{}")[:-5],
        post(b" " * 3_000_000)[:-5],
        REQUEST,
        chunked(b'{"seconds": 0.2}'),
        post({"instances": [1], "seconds": 0.2}, path="/v1/models/m:predict"),
        REQUEST * 5,
        post({"megabytes": 20}),
        post({"pieces": 100_000}),
        post({}, path="/nowhere"),
        b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3,
    ],
)
def test_a_client_that_hangs_up_at_any_point(server: ScoringServer, data: bytes, reset: bool) -> None:
    for seconds in (0.0, 0.05):
        wires = [Wire(server) for _ in range(4)]
        for wire in wires:
            wire.send(data)
        time.sleep(seconds)
        for wire in wires:
            hang_up(wire, reset)
        started = time.monotonic()
        assert server.score({}).status == 200
        assert time.monotonic() - started < 20
    eventually(lambda: "localmodel_requests_in_flight 0.0" in server.get("/metrics").body.decode(), server)


def test_a_client_that_closes_its_side_has_gone(server: ScoringServer) -> None:
    # On the wire it looks like one that closes all of the connection.
    with Wire(server) as wire:
        wire.send(post({"seconds": 0.1}))
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.is_closed()


def test_those_who_leave_the_line_are_not_run(server: ScoringServer, tmp_path: Path) -> None:
    before = server.score({}).json["calls"]
    with Wire(server) as busy:
        busy.send(post({"until": str(tmp_path / "go")}))
        server.wait_until_asked(1)
        wires = [Wire(server).send(REQUEST) for _ in range(50)]
        server.wait_until_asked(51)
        for wire in wires:
            wire.socket.close()
        for _ in range(50):
            Wire(server).send(REQUEST).socket.close()
        assert server.get("/livez").status == 200  # by then it has seen that they have left
        (tmp_path / "go").touch()
        assert busy.answer().status == 200
    assert server.score({}).json["calls"] <= before + 3


def test_those_who_have_left_keep_nobody_out_of_a_full_line(tmp_path: Path) -> None:
    with ScoringServer(tmp_path, write_script(tmp_path / "app", SCRIPT)) as server:
        server.wait_until_ready()
        with Wire(server) as busy:
            busy.send(post({"until": str(tmp_path / "go")}))
            server.wait_until_asked(1)
            for _ in range(3):
                wires = [Wire(server).send(post({})) for _ in range(800)]
                server.wait_until_asked(1 + 800)
                assert not any(wire.has_answer() for wire in wires)
                for wire in wires:
                    wire.socket.close()
            with ThreadPoolExecutor(4) as executor:
                others = [executor.submit(server.score, {}) for _ in range(4)]
                (tmp_path / "go").touch()
                assert {other.result().status for other in others} == {200}
            assert busy.answer().status == 200
