"""What one request may cost: neither memory nor time is bounded by how small it is on the wire."""

from __future__ import annotations

import contextlib
import json
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from bombs import BOMBS, INFER, INVOKE, PREDICT, Bomb
from fault_scripts import MODEL
from support.server.scoring_server_process import Reply, ScoringServer, eventually, write_script
from wire import Wire, post

# As the page on reliability has it: the server with its bodies, and the process that decodes.
MOST_SERVER_MB = 512 + 250
MOST_DECODED_MB = 1024 + 100
MOST_DECODED = "LOCALMODEL_MAX_DECODED_BYTES"
SCRIPT = """
import itertools
import json
from azureml.contrib.services.aml_response import AMLResponse


def init():
    pass


def pieces(size, count):
    for _ in range(count) if count else itertools.count():
        yield b"1" * size


def run(raw_data):
    start = raw_data[:100]
    if '"pieces"' in start:
        return AMLResponse(pieces(*json.loads(raw_data)["pieces"]), 200)
    if '"numbers"' in start:
        return [0] * json.loads(raw_data)["numbers"]
    if '"give"' in start:
        return json.loads(json.loads(raw_data)["give"])
    return len(raw_data)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoringServer]:
    """A server that no test may leave other than it was."""
    folder = tmp_path_factory.mktemp("costs")
    with ScoringServer(folder, {**write_script(folder / "app", SCRIPT), "LOCALMODEL_MODEL_NAME": MODEL}) as server:
        server.wait_until_ready()
        yield server
        assert "error in the server" not in server.log
        assert "Exception in ASGI" not in server.log
        assert "died" not in server.log


@pytest.fixture(autouse=True)
def _is_as_before(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "server" in request.fixturenames:
        server: ScoringServer = request.getfixturevalue("server")
        assert server.score([1]).json == 3
        assert server.process.poll() is None


class Watch:
    """Asks for health, and a small question of every dialect, until the request in hand has been answered."""

    def __init__(self, server: ScoringServer) -> None:
        self._server = server
        self.answers = 0
        self.decoder_mb = 0

    def until(self, threads: list[threading.Thread]) -> None:
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            assert self._server.get("/livez").status == 200
            self.answers += any(thread.is_alive() for thread in threads)
            self.decoder_mb = max(self.decoder_mb, *map(peak_mb, decoders(self._server)), 0)
            time.sleep(0.02)


def decoders(server: ScoringServer) -> list[int]:
    """The processes that decode for a server."""
    found = []
    for children in Path(f"/proc/{server.process.pid}/task").glob("*/children"):
        for pid in children.read_text().split():
            with contextlib.suppress(OSError):  # it has ended
                if b"decoding" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(int(pid))
    return found


def peak_mb(pid: int) -> int:
    """The most memory that a process has had."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) >> 10 for line in status.splitlines() if line.startswith("VmHWM")), 0)


def send(server: ScoringServer, bomb: Bomb, replies: list[Reply]) -> None:
    with Wire(server, 120) as wire:
        fields = {"Content_Type": bomb.content_type, "Content_Encoding": "gzip"}
        replies.append(wire.send(post(bomb.body, bomb.path, **fields)).answer())


@pytest.mark.parametrize("name", BOMBS)
def test_others_are_answered_while_a_bomb_is_in_work(server: ScoringServer, name: str) -> None:
    bomb = BOMBS[name]()
    watch = Watch(server)
    for _ in range(5):
        replies: list[Reply] = []
        watch.until([threading.Thread(target=send, args=(server, bomb, replies))])
        (reply,) = replies
        if watch.answers or reply.status != 200:  # not just over before somebody else's answer had come
            break
    assert reply.status == 200 or 400 <= reply.status < 500, reply.body[:1000]
    if reply.status == 413:
        assert b"LOCALMODEL_MAX" in reply.body or b"inflated" in reply.body
    assert watch.answers or reply.status != 200
    assert peak_mb(server.process.pid) < MOST_SERVER_MB
    assert watch.decoder_mb < MOST_DECODED_MB


def test_twenty_at_once(server: ScoringServer) -> None:
    bombs = [BOMBS[name]() for name in ("CSV of short lines", "empty objects", "empty lists in a tensor", "escapes")]
    replies: list[Reply] = []
    threads = [threading.Thread(target=send, args=(server, bombs[number % 4], replies)) for number in range(20)]
    watch = Watch(server)
    watch.until(threads)
    assert len(replies) == 20 and watch.answers
    # Those that find room are refused, or answered, one after the other; the others are told to come again.
    assert {reply.status for reply in replies} <= {200, 413, 503}
    assert all(reply.headers["retry-after"] == "1" for reply in replies if reply.status == 503)
    assert peak_mb(server.process.pid) < MOST_SERVER_MB
    assert watch.decoder_mb < MOST_DECODED_MB


def test_what_is_large_and_allowed_is_decoded_as_what_is_small(server: ScoringServer) -> None:
    for count in (10, 1_000_000):
        numbers = b"1.25" + b",1.25" * (count - 1)
        text = b'{"data":[' + numbers + b"]}"
        for path, body in (
            (PREDICT, b'{"instances":[' + numbers + b"]}"),
            (INVOKE, b'{"inputs":[' + numbers + b"]}"),
            (INFER, b'{"inputs":[{"name":"x","datatype":"FP64","shape":[%d],"data":[%b]}]}' % (count, numbers)),
        ):
            reply = server.request("POST", path, body, {"content-type": "application/json"})
            assert reply.status == 200 and str(len(text)) in reply.body.decode()
        head = b'{"inputs":[{"name":"x","datatype":"FP64","shape":[%d],"parameters":{"binary_data_size":%d}}]}'
        head %= (count, count * 8)
        body = head + struct.pack("<d", 1.25) * count
        reply = server.request("POST", INFER, body, {"inference-header-content-length": str(len(head))})
        assert reply.json["outputs"][0]["data"] == [len(text)]


def test_a_large_result_is_written_as_a_small_one(server: ScoringServer) -> None:
    count = 2_000_000
    question = {"inputs": {"numbers": count}}
    for path in (PREDICT, INVOKE):
        reply = server.request("POST", path, json.dumps(question), {"content-type": "application/json"})
        assert reply.json["predictions"] == [0] * count
    tensors = {"inputs": [{"name": "numbers", "datatype": "INT64", "shape": [], "data": [count]}, *_other()]}
    reply = server.request("POST", INFER, json.dumps(tensors), {"content-type": "application/json"})
    assert reply.json["outputs"][0]["data"] == [0] * count and reply.json["outputs"][0]["shape"] == [count]


def _other() -> list[object]:
    # Of one tensor without a schema the name would not reach the script.
    return [{"name": "other", "datatype": "BYTES", "shape": [1], "data": ["x"]}]


def test_the_limit_can_be_set(tmp_path: Path) -> None:
    variables = write_script(tmp_path / "app", SCRIPT)
    limits = {MOST_DECODED: "30000000", "LOCALMODEL_MODEL_NAME": MODEL}
    with ScoringServer(tmp_path, {**variables, **limits}) as server:
        server.wait_until_ready()
        for count, status in ((100_000, 200), (2_000_000, 413)):
            body = b'{"instances":[0' + b",0" * (count - 1) + b"]}"
            reply = server.request("POST", PREDICT, body, {"content-type": "application/json"})
            assert reply.status == status
        assert f"30000000 bytes of memory ({MOST_DECODED}); send it to /score" in reply.json["error"]
        reply = server.request("POST", PREDICT, json.dumps({"inputs": {"numbers": 9_000_000}}))
        assert reply.status == 200, "nothing is decoded here"
        tensors = {"inputs": [{"name": "numbers", "datatype": "INT64", "shape": [], "data": [9_000_000]}, *_other()]}
        reply = server.request("POST", INFER, json.dumps(tensors))
        assert reply.status == 500 and "/score returns any size" in reply.json["error"]
        assert server.score({"numbers": 9_000_000}).status == 200


@pytest.mark.parametrize("path", [PREDICT, INVOKE, INFER, f"/v2/models/{MODEL}/versions//infer"])
@pytest.mark.parametrize("size", [10, 1_000_000])
def test_an_answer_without_an_end_is_ended(tmp_path: Path, path: str, size: int) -> None:
    variables = {**write_script(tmp_path / "app", SCRIPT), "LOCALMODEL_MODEL_NAME": MODEL}
    limit = "2000" if size == 10 else "60000"  # the one or the other is to be reached, however slow this machine is
    variables.update(SCORING_TIMEOUT_MS=limit, LOCALMODEL_MAX_REQUEST_BYTES="40000000")
    with ScoringServer(tmp_path, variables) as server:
        server.wait_until_ready()
        body = _endless(path, size)
        reply = server.request("POST", path.replace("versions//", ""), body, {"content-type": "application/json"})
        assert reply.status == 500
        assert (b"LOCALMODEL_MAX_REQUEST_BYTES" if size > 10 else b"SCORING_TIMEOUT_MS") in reply.body
        assert b"/score sends it piece by piece" in reply.body
        assert server.score([1]).json == 3, "the worker is free"
        assert peak_mb(server.process.pid) < 300
        assert "died" not in server.log and "starting another" not in server.log


def _endless(path: str, size: int) -> bytes:
    if "v2" not in path:
        return json.dumps({"inputs": {"pieces": [size, 0]}}).encode()
    pieces = {"name": "pieces", "datatype": "INT64", "shape": [2], "data": [size, 0]}
    return json.dumps({"inputs": [pieces, *_other()]}).encode()


@pytest.mark.parametrize("path", [PREDICT, INVOKE, INFER, "/score"])
@pytest.mark.parametrize("size", [10, 1_000])
def test_an_answer_without_an_end_ends_with_its_client(server: ScoringServer, path: str, size: int) -> None:
    body = _endless(path, size) if path != "/score" else json.dumps({"pieces": [size, 0]}).encode()
    for _ in range(3):
        with Wire(server) as wire:
            wire.send(post(body, path))
            time.sleep(0.1)
        assert server.score([1]).json == 3, "the worker is free"


def test_an_answer_in_pieces_that_ends_is_whole(server: ScoringServer) -> None:
    body = json.dumps({"inputs": {"pieces": [2, 3]}})
    assert server.request("POST", PREDICT, body).json == {"predictions": 111111}


NUMBERS = [2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, -(2**63)]
LARGER = [2**64, 2**70, -(2**63) - 1, 10**30]


@pytest.mark.parametrize("number", NUMBERS + LARGER)
class TestWholeNumbers:
    def test_into_a_script(self, server: ScoringServer, number: int) -> None:
        def tensors(datatype: str) -> str:
            tensor = {"name": "x", "datatype": datatype, "shape": [1], "data": [number]}
            return json.dumps({"inputs": [tensor]})

        length = len(json.dumps({"data": [number]}, separators=(",", ":")))
        for datatype, low, high in (
            ("INT8", -(2**7), 2**7),
            ("UINT8", 0, 2**8),
            ("INT64", -(2**63), 2**63),
            ("UINT64", 0, 2**64),
        ):
            reply = server.request("POST", INFER, tensors(datatype))
            if low <= number < high:
                assert reply.json["outputs"][0]["data"] == [length]
            else:
                assert reply.status == 400 and f"not {datatype}" in reply.json["error"]
        for path, body in ((PREDICT, {"instances": [number]}), (INVOKE, {"inputs": [number]})):
            reply = server.request("POST", path, json.dumps(body), {"content-type": "application/json"})
            if number in LARGER:
                assert reply.status == 400 and b"64-bit" in reply.body
            else:
                assert reply.json["predictions"] == length

    def test_out_of_a_script(self, server: ScoringServer, number: int) -> None:
        for result in ([number], {"y": number}, [[number, 0.5]]):
            given = {"name": "give", "datatype": "BYTES", "shape": [], "data": [json.dumps(result)]}
            reply = server.request("POST", INFER, json.dumps({"inputs": [given, *_other()]}))
            if number in LARGER:
                name = "y" if isinstance(result, dict) else "output-0"
                assert reply.status == 500 and f"output {name}" in reply.json["error"]
            else:
                assert number in reply.json["outputs"][0]["data"]
            body = json.dumps({"inputs": {"give": json.dumps(result)}})
            assert server.request("POST", PREDICT, body).json == {"predictions": result}
            assert server.score({"give": json.dumps(result)}).json == result


def test_no_process_stays_when_there_is_nothing_large(tmp_path: Path) -> None:
    variables = {**write_script(tmp_path / "app", SCRIPT), "LOCALMODEL_MODEL_NAME": MODEL}
    with ScoringServer(tmp_path, variables) as server:
        server.wait_until_ready()
        assert server.request("POST", PREDICT, b'{"instances":[1]}').status == 200
        assert decoders(server) == []
        body = b'{"instances":[0' + b",0" * 1_000_000 + b"]}"
        assert server.request("POST", PREDICT, body).status == 200
        (pid,) = decoders(server)
        server.process.terminate()
        server.wait_for_end()
        eventually(lambda: not Path(f"/proc/{pid}").exists())
