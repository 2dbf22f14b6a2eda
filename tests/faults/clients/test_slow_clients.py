"""Clients that stop in the middle of a request, or of taking an answer. The times are those of small_limits."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from small_limits import SECONDS_TO_SEND, python_with_small_limits
from support.server.scoring_server_process import ScoringServer, eventually, write_script
from wire import GET_LIVEZ, Wire, chunked, post

from localmodel_server.connections import stalled

SCRIPT = """
import json
import time
from azureml.contrib.services.aml_response import AMLResponse


def init():
    pass


def run(raw_data):
    data = json.loads(raw_data)
    if data.get("seconds"):
        time.sleep(data["seconds"])
    if data.get("megabytes"):
        return "x" * (data["megabytes"] << 20)
    if data.get("stream"):
        return AMLResponse((b"x" * 1_000_000 for _ in range(200)), 200)
    return data
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoringServer]:
    folder = tmp_path_factory.mktemp("slow")
    variables = write_script(folder / "app", SCRIPT)
    with ScoringServer(folder, variables, python=python_with_small_limits(folder)) as server:
        yield server.wait_until_ready()
        assert server.score({}).status == 200


def trickle(wire: Wire, data: bytes, seconds: float) -> None:
    """Send byte by byte, for so many seconds or until the server hangs up."""
    end = time.monotonic() + seconds
    for byte in data:
        if time.monotonic() > end or wire.has_answer():
            return
        wire.send(bytes([byte]))
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"POST", "headers"),
        (b"POST /score HTTP/1.1\r\nHost: localhost\r\n", "headers"),
        (post(b"{}")[:-1], "body"),
        (post(b" " * 100_000)[:-1], "body"),
        (post(b" " * 2_000_000)[:-1], "body"),
        (post(b" " * 2_000_000, path="/v2/models/model/infer")[:-1], "body"),
        (chunked(b"{}")[:-1], "body"),
        (chunked(b"{}")[:-8], "body"),
        (post({}) + GET_LIVEZ + b"POST /sc", "headers"),
    ],
)
def test_a_request_that_does_not_go_on_is_a_408(server: ScoringServer, data: bytes, what: str) -> None:
    with Wire(server) as wire:
        started = time.monotonic()
        wire.send(data)
        for _ in range(2 if data.startswith(post({})) else 0):
            assert wire.answer().status == 200
        reply = wire.answer()
        assert reply.status == 408
        assert reply.headers["connection"] == "close"
        assert what in reply.message
        assert wire.is_closed()
        assert SECONDS_TO_SEND <= time.monotonic() - started < SECONDS_TO_SEND + 15


def test_headers_must_be_there_in_time_even_when_they_trickle(server: ScoringServer) -> None:
    with Wire(server) as wire:
        trickle(wire, b"GET /livez HTTP/1.1\r\nx: " + b"y" * 1000, 5)
        assert wire.answer().status == 408


def test_a_slow_upload_that_goes_on_is_answered(server: ScoringServer) -> None:
    with Wire(server) as wire, Wire(server) as other:
        head = b"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Length: 52\r\n\r\n"
        wire.send(head)
        other.send(head.replace(b"Content-Length: 52", b"Transfer-Encoding: chunked") + b"34\r\n")
        for byte in b'{"a": 1}' + b" " * 44:
            wire.send(bytes([byte]))
            other.send(bytes([byte]))
            time.sleep(0.05)
        other.send(b"\r\n0\r\n\r\n")
        assert wire.answer().json == other.answer().json == {"a": 1}


def test_a_connection_that_brings_nothing_is_closed_without_a_word(server: ScoringServer) -> None:
    with Wire(server) as silent, Wire(server) as blank_lines:
        blank_lines.send(b"\r\n\r\n")
        assert silent.is_closed()
        assert blank_lines.is_closed()


def test_a_kept_connection_may_rest_for_longer(server: ScoringServer) -> None:
    with Wire(server) as wire:
        wire.send(post({})).answer()
        time.sleep(SECONDS_TO_SEND + 0.5)
        assert wire.send(post({})).answer().status == 200


def test_a_request_that_takes_long_is_no_slow_client(server: ScoringServer) -> None:
    with Wire(server) as wire:
        # Behind it the start of another one, whose time begins when the server can read it.
        wire.send(post({"seconds": SECONDS_TO_SEND + 0.5}) + post(b" " * 200_000)[:1000])
        assert wire.answer().status == 200
        assert wire.send(post(b" " * 200_000)[1000:]).answer().status == 500  # blanks are no JSON


def test_a_refused_body_that_does_not_end_is_hung_up_on(server: ScoringServer) -> None:
    with Wire(server) as wire:
        wire.send(post(b"", path="/nowhere", Content_Length="1000000"))
        assert wire.answer().status == 404
        trickle(wire, b"x" * 1000, 3)
        assert wire.is_closed()


STARTS = (b"", b"POST /score HTTP/1.1\r\n", post(b"{}")[:-1], chunked(b"{}")[:-3])


@pytest.fixture
def slow_clients() -> Iterator[Callable[[ScoringServer], list[Wire]]]:
    """Many that have begun a request each."""
    wires: list[Wire] = []

    def start(server: ScoringServer) -> list[Wire]:
        wires.extend(Wire(server).send(STARTS[number % len(STARTS)]) for number in range(200))
        return wires

    yield start
    for wire in wires:
        wire.socket.close()


def test_many_slow_clients_hold_nobody_up(slow_clients: Callable[[ScoringServer], list[Wire]], tmp_path: Path) -> None:
    patient = python_with_small_limits(tmp_path, seconds_to_send=600)
    with ScoringServer(tmp_path, write_script(tmp_path / "app", SCRIPT), python=patient) as server:
        wires = slow_clients(server.wait_until_ready())
        with ThreadPoolExecutor(8) as executor:
            assert {reply.status for reply in executor.map(server.score, [{}] * 100)} == {200}
        assert not any(wire.has_answer() for wire in wires), "nobody has waited until they were sent away"


def test_many_slow_clients_are_all_sent_away(
    server: ScoringServer, slow_clients: Callable[[ScoringServer], list[Wire]]
) -> None:
    wires = slow_clients(server)
    assert server.score({}).status == 200
    eventually(lambda: all(wire.has_answer() for wire in wires), server)


@pytest.mark.parametrize("asked", [{"megabytes": 50}, {"stream": True}])
def test_who_does_not_take_an_answer_is_cut_off(server: ScoringServer, asked: dict[str, object]) -> None:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 10_000)
        connection.settimeout(60)
        connection.connect(("127.0.0.1", server.port))
        connection.sendall(post(asked))
        # The script that makes the pieces of a stream waits for the client, until that is given up.
        assert server.score({}).status == 200
        # Until then nothing is read; whoever is hung up on learns of it only behind what has been sent.
        eventually(lambda: not keeps(server, connection), server)
        assert rest(connection) < 50 << 20


def keeps(server: ScoringServer, connection: socket.socket) -> bool:
    """Whether the server has not hung up: its end of the connection is established."""
    ends = f":{server.port:04X} 0100007F:{connection.getsockname()[1]:04X} 01 "
    return ends in Path("/proc/net/tcp").read_text()


def rest(connection: socket.socket) -> int:
    """How many bytes still come."""
    size = 0
    try:
        while data := connection.recv(1 << 20):
            size += len(data)
    except ConnectionResetError:
        pass
    return size


def test_who_takes_an_answer_slowly_gets_all_of_it(server: ScoringServer) -> None:
    with Wire(server) as wire:
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 100_000)
        wire.send(post({"megabytes": 20}))
        size = 0
        while size < 20 << 20:
            size += len(wire.socket.recv(400_000))
            time.sleep(0.02)


def test_a_stop_does_not_wait_for_slow_clients(tmp_path: Path) -> None:
    with ScoringServer(tmp_path, write_script(tmp_path / "app", SCRIPT)) as server:
        server.wait_until_ready()
        with Wire(server) as body, Wire(server) as head, Wire(server):
            for wire in (body, head):
                assert wire.send(post({})).answer().status == 200
            body.send(post(b"{}")[:-1])
            head.send(b"POST /score HT")
            assert server.get("/livez").status == 200  # by then it has read what they have sent
            server.process.terminate()
            assert server.process.wait(stalled.SECONDS_TO_SEND - 5) == 0
            assert body.answer().status == 408
