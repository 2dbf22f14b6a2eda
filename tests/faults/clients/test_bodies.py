"""Bodies that are broken, odd or huge, in every mode of the script and every dialect."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from fault_scripts import ECHO, MODEL
from small_limits import BYTES_OF_BODIES, python_with_small_limits
from support.server.scoring_server_process import Reply, ScoringServer, eventually, write_script
from wire import Wire, chunked, post

DIALECTS = [f"/v2/models/{MODEL}/infer", f"/v1/models/{MODEL}:predict", "/invocations"]
DEEP = b"[" * 100_000
JSON = {"content-type": "application/json"}
LIMIT = 104_857_600


def ask(server: ScoringServer, path: str, body: bytes) -> Reply:
    """POST to a path; every answer must be JSON, whatever it says."""
    reply = server.request("POST", path, body, JSON)
    assert reply.headers["content-type"].startswith("application/json")
    json.loads(reply.body, parse_constant=lambda text: pytest.fail(f"{text} is not JSON"))
    return reply


def gives_nan(reply: Reply) -> bool:
    """Whether the script has given back a NaN that it got."""
    return reply.status == 500 and b"cannot be written as JSON" in reply.body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b'"\\ud800"',
        b"nul",
        b'{"x": [[1, 2]]',
        DEEP,
        DEEP + b"]" * len(DEEP),
        b'{"x":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"x": ' + DEEP + b"}",
        b"1" * 100_000,
        b'{"x": [[1e999, 1]]}',
        b'{"x": [[NaN, 1]]}',
        b'{"x": [[Infinity, -Infinity]]}',
        b'{"x": [["1", {}]]}',
        b'{"x": [[1], [1, 2]]}',
        b'{"x": [[1, 2], 3]}',
        b'{"x": null}',
        b'{"x": {}}',
        b'{"x": []}',
        b"[[1, 2]]",
        b"null",
        b"true",
        b'"text"',
        b'{"y": [[1, 2]]}',
        b'{"x": [[1, 2, 3]]}',
        b'{"x": 17}',
        b"\x00",
        b"\xef\xbb\xbf{}",
    ],
)
class TestBrokenBodies:
    def test_a_script_that_parses_itself(self, echo: ScoringServer, body: bytes) -> None:
        reply = ask(echo, "/score", body)
        # What json.loads() raises in the script is an error of the script, as in the original.
        assert reply.status in (200, 400) or b"run() failed" in reply.body or gives_nan(reply)
        for path in DIALECTS:
            reply = ask(echo, path, body)
            assert reply.status in (200, 400) or gives_nan(reply)

    def test_a_script_with_a_schema(self, rows: ScoringServer, body: bytes) -> None:
        for path in ("/score", *DIALECTS):
            reply = ask(rows, path, body)
            assert reply.status in (200, 400) or gives_nan(reply)

    def test_a_script_that_gets_the_request(self, raw: ScoringServer, body: bytes) -> None:
        assert raw.request("POST", "/score", body, JSON).body == body


def test_nesting_that_json_allows_is_answered(echo: ScoringServer) -> None:
    for depth in (100, 500, 900):
        body = b"[" * depth + b"]" * depth
        assert ask(echo, "/score", body).body.replace(b" ", b"") == body


def test_nan_that_a_script_returns_is_not_sent_as_json(tmp_path: Path) -> None:
    script = 'def init(): ...\ndef run(data):\n    return {"value": float(data)}\n'
    with ScoringServer(tmp_path, write_script(tmp_path / "app", script)) as server:
        server.wait_until_ready()
        for value in (b"nan", b"inf", b"-inf"):
            reply = server.score(value)
            assert reply.status == 500
            assert "JSON" in reply.message


@pytest.mark.parametrize("too_many", [0, 1])
@pytest.mark.parametrize("in_chunks", [False, True])
def test_a_body_of_the_largest_size_and_one_byte_more(echo: ScoringServer, in_chunks: bool, too_many: int) -> None:
    data = b'"' + b"x" * (LIMIT - 2 + too_many) + b'"'
    half = LIMIT // 2
    with Wire(echo, 30) as wire:
        reply = wire.send(chunked(data[:half], data[half:]) if in_chunks else post(data)).answer()
    if too_many:
        assert reply.status == 413
        assert reply.message == f"the request's body is larger than {LIMIT} bytes (LOCALMODEL_MAX_REQUEST_BYTES)"
        assert reply.headers["x-ms-run-function-failed"] == "False"
    else:
        assert (reply.status, len(reply.body)) == (200, LIMIT)


def test_a_body_without_an_end_is_cut_off_at_the_limit(tmp_path: Path) -> None:
    variables = write_script(tmp_path / "app", "def init(): ...\ndef run(data): ...\n")
    with ScoringServer(
        tmp_path, {**variables, "LOCALMODEL_MAX_REQUEST_BYTES": "1000000", "LOCALMODEL_MODEL_NAME": MODEL}
    ) as server:
        server.wait_until_ready()
        for path in ("/score", *DIALECTS):
            with Wire(server) as wire:
                wire.send(chunked(path=path)[:-5]).send(b"186a0\r\n" + b" " * 100_000 + b"\r\n")
                for _ in range(30):
                    wire.send(b"186a0\r\n" + b" " * 100_000 + b"\r\n")
                assert wire.answer().status == 413
                # The rest is read and thrown away, so that the connection can go on.
                assert wire.send(b"0\r\n\r\n" + post(b"{}")).answer().status == 200


@pytest.mark.parametrize("size", [65_536, 65_537, 300_000, 1_048_576, 1_048_577])
def test_a_body_that_comes_in_pieces(echo: ScoringServer, size: int) -> None:
    data = post(b'"' + b"x" * (size - 2) + b'"')
    with Wire(echo) as wire:
        for start in range(0, len(data), 50_000):
            wire.send(data[start : start + 50_000])
            time.sleep(0.002)
        assert len(wire.answer().body) == size
        wire.send(data)
        assert len(wire.answer().body) == size


def test_bodies_in_all_are_bounded_and_who_does_not_fit_is_told_to_come_again(tmp_path: Path) -> None:
    variables = {**write_script(tmp_path / "app", ECHO), "LOCALMODEL_MAX_REQUEST_BYTES": "3000000"}
    with ScoringServer(tmp_path, variables, python=python_with_small_limits(tmp_path, seconds_to_send=60)) as server:
        server.wait_until_ready()
        for size in (900_000, 3_000_000):  # on the fast path, and not
            fitting = BYTES_OF_BODIES // size
            with ExitStack() as stack:
                wires = [stack.enter_context(Wire(server)) for _ in range(fitting + 3)]
                data = post(b'"' + b"x" * (size - 2) + b'"')
                for wire in wires:
                    wire.send(data[:-1])
                eventually(lambda wires=wires: sum(wire.has_answer() for wire in wires) >= 3, server)  # type: ignore[misc]
                assert server.score([1]).json == [1], "small ones still find room"
                refused = [wire for wire in wires if wire.has_answer()]
                assert len(refused) == 3
                for wire in wires:
                    wire.send(data[-1:])
                    reply = wire.answer()
                    if wire in refused:
                        assert (reply.status, reply.headers["retry-after"]) == (503, "1")
                        assert "no room" in reply.message
                    else:
                        assert (reply.status, len(reply.body)) == (200, size)
                    assert wire.send(post([2])).answer().json == [2], "the connection goes on"
        assert server.score(b'"' + b"x" * 2_000_000 + b'"').status == 200


def test_bodies_that_their_clients_have_left_in_line_make_room(tmp_path: Path) -> None:
    variables = {**write_script(tmp_path / "app", ECHO), "LOCALMODEL_MAX_REQUEST_BYTES": "3000000"}
    with ScoringServer(tmp_path, variables, python=python_with_small_limits(tmp_path)) as server:
        server.wait_until_ready()
        with Wire(server) as busy:
            go = tmp_path / "go"
            busy.send(post({"until": str(go)}))
            server.wait_until_asked(1)
            for _ in range(10):
                wires = [Wire(server).send(post(b'"' + b"x" * 2_000_000 + b'"')) for _ in range(5)]
                server.wait_until_asked(1 + 5)
                assert not any(wire.has_answer() for wire in wires)
                for wire in wires:
                    wire.socket.close()
                assert server.get("/livez").status == 200  # by then it has seen that they have left
            go.touch()
            assert busy.answer().status == 200
        assert server.score([1]).json == [1]
