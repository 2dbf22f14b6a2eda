"""Requests that share a call of run(), and scripts that must not notice."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from azure_scripts import JSON, NUMPY, serving
from support.server.scoring_server_process import Reply, ScoringServer

MATRIX = '@input_schema("data", NumpyParameterType(numpy.array([[1.0, 2.0]])))\n'
SLOW = """
import os
import time

def note(rows):
    while not os.path.exists("go"):
        time.sleep(0.01)
    time.sleep(0.05)
    with open("calls", "a") as file:
        file.write(f"{rows} ")
"""
ROWS = (
    NUMPY
    + SLOW
    + MATRIX
    + """
def run(data):
    note(len(data))
    if (data == 13).any():
        raise ValueError("unlucky")
    total = data.sum(axis=1)
    data[:] = 0
    return total.tolist()
"""
)
BATCH = (
    SLOW
    + """
import json

def init():
    pass

def run(raw_data):
    note(1)
    return {"number": json.loads(raw_data)}

def run_batch(raw_datas):
    note(len(raw_datas))
    return [{"number": json.loads(each)} for each in raw_datas]
"""
)


def together(server: ScoringServer, folder: Path, ask: Callable[[int], Reply], count: int = 8) -> list[Reply]:
    """The replies to requests that come while the worker is busy with the first one."""
    replies: dict[int, Reply] = {}
    go = folder / "app" / "go"
    go.unlink(missing_ok=True)

    def client(number: int) -> None:
        replies[number] = ask(number)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
        if thread is threads[0]:
            server.wait_until_asked(1)
    server.wait_until_asked(count)
    go.touch()
    for thread in threads:
        thread.join()
    return [replies[number] for number in range(count)]


def batch_sizes(server: ScoringServer) -> tuple[int, int]:
    """How many calls there were, and how many requests in them, by /metrics."""
    text = server.get("/metrics").body.decode()
    calls = re.search(r"^localmodel_batch_size_count (\S+)$", text, re.MULTILINE)
    requests = re.search(r"^localmodel_batch_size_sum (\S+)$", text, re.MULTILINE)
    assert calls and requests
    return int(float(calls[1])), int(float(requests[1]))


def calls_of(folder: Path) -> list[int]:
    return [int(rows) for rows in (folder / "app" / "calls").read_text().split()]


def test_rows_of_several_requests_share_a_call(tmp_path: Path) -> None:
    with serving(tmp_path, ROWS) as server:

        def ask(number: int) -> Reply:
            return server.score({"data": [[number, 0.5], [number, 1]]}, JSON)

        for _ in range(5):
            replies = together(server, tmp_path, ask)
            assert [reply.json for reply in replies] == [[number + 0.5, number + 1] for number in range(8)]
            assert all(float(reply.headers["x-ms-run-fn-exec-ms"]) > 40 for reply in replies)
            assert len({reply.headers["x-request-id"] for reply in replies}) == 8
        calls, requests = batch_sizes(server)
        assert requests == 40
        assert calls <= 20, "at most half as many calls as requests"
        assert max(calls_of(tmp_path)) >= 8, "run() has seen the rows of four requests or more"


def test_a_bad_request_fails_alone(tmp_path: Path) -> None:
    with serving(tmp_path, ROWS) as server:

        def ask(number: int) -> Reply:
            body: Any = {3: [[13, 13]], 5: [[1]], 6: [["a", 1]]}.get(number, [[number, 1]])
            return server.score({"data": body}, JSON)

        for _ in range(4):
            replies = together(server, tmp_path, ask)
            assert [reply.status for reply in replies] == [200, 200, 200, 500, 200, 400, 400, 200]
            assert [reply.json for reply in replies if reply.status == 200] == [[1], [2], [3], [5], [8]]
            assert replies[3].headers["x-ms-run-function-failed"] == "True"


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ("(data - data.mean()).tolist()", [[-0.5, 0.5]]),
        ('{"mean": float(data.mean())}', None),
        ("float(data.mean())", None),
        ("[len(data)] * len(data)", [1]),
        ('{"rows": [len(data)] * len(data), "name": "model"}', {"rows": [1], "name": "model"}),
    ],
    ids=["others", "aggregate in object", "aggregate", "count", "mixed"],
)
def test_a_script_that_needs_its_rows_alone_is_found_out(tmp_path: Path, result: str, expected: Any) -> None:
    script = NUMPY + SLOW + MATRIX + f"def run(data):\n    note(len(data))\n    return {result}\n"
    with serving(tmp_path, script) as server:
        for _ in range(3):
            replies = together(server, tmp_path, lambda number: server.score({"data": [[number, number + 1]]}, JSON), 6)
            for number, reply in enumerate(replies):
                mean = number + 0.5
                assert reply.json == (expected or ({"mean": mean} if "{" in result else mean))
        before = len(calls_of(tmp_path))
        together(server, tmp_path, lambda number: server.score({"data": [[number, 1]]}, JSON), 6)
        assert calls_of(tmp_path)[before:] == [1] * 6, "not tried again"


@pytest.mark.parametrize(
    ("parameters", "body"),
    [
        ("data", "global count; count += 1; return [count] * len(data)"),
        ("data, request_headers", 'return [request_headers["X-Name"]] * len(data)'),
    ],
    ids=["global", "request_headers"],
)
def test_scripts_with_state_or_headers_get_each_request_alone(tmp_path: Path, parameters: str, body: str) -> None:
    script = NUMPY + SLOW + f"count = 0\n{MATRIX}def run({parameters}):\n    note(len(data))\n    {body}\n"
    with serving(tmp_path, script) as server:

        def ask(number: int) -> Reply:
            return server.score({"data": [[1, 2]]}, {**JSON, "x-name": str(number)})

        replies = together(server, tmp_path, ask)
        seen = sorted(int(reply.json[0]) for reply in replies)
        assert seen == (list(range(1, 9)) if "global" in body else list(range(8)))
        assert calls_of(tmp_path) == [1] * 8
        assert batch_sizes(server) == (8, 8)


def test_batching_can_be_turned_off(tmp_path: Path) -> None:
    with serving(tmp_path, ROWS, LOCALMODEL_BATCHING="off") as server:
        together(server, tmp_path, lambda number: server.score({"data": [[number, 1]]}, JSON))
        assert calls_of(tmp_path) == [1] * 8


def test_run_batch_takes_the_texts_of_several_requests(tmp_path: Path) -> None:
    with serving(tmp_path, BATCH) as server:
        replies = together(server, tmp_path, lambda number: server.score(number))
        assert [reply.json for reply in replies] == [{"number": number} for number in range(8)]
        assert max(calls_of(tmp_path)) >= 4
        calls, requests = batch_sizes(server)
        assert calls < requests == 8
        broken = together(server, tmp_path, lambda number: server.score(b"{" if number == 4 else str(number).encode()))
        assert [reply.status for reply in broken] == [200, 200, 200, 200, 500, 200, 200, 200]


def test_run_batch_is_what_a_script_asks_for(tmp_path: Path) -> None:
    with serving(tmp_path, BATCH.replace("def run_batch", "def other")) as server:
        together(server, tmp_path, lambda number: server.score(number))
        assert calls_of(tmp_path) == [1] * 8
