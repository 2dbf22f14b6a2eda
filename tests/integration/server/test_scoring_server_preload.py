"""WORKER_PRELOAD: init() once, workers forked from that process."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.server.scoring_server_process import ScoringServer, eventually, is_alive, write_script

SCRIPT = """
import os
import signal
import time


def init():
    global loaded_by, weights
    loaded_by = os.getpid()
    weights = bytearray(os.urandom(1 << 20)) * 64
    print("init() called")


def run(raw_data):
    if raw_data == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if raw_data == "exit":
        os._exit(3)
    time.sleep(0.05)
    return [loaded_by, os.getpid(), len(weights)]
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ScoringServer]:
    environment = {**write_script(tmp_path / "app", SCRIPT), "WORKER_PRELOAD": "true", "WORKER_COUNT": "3"}
    with ScoringServer(tmp_path, environment) as server:
        yield server.wait_until_ready()


def answers(server: ScoringServer) -> set[tuple[int, int]]:
    """Who has loaded and who has answered, of all three workers."""
    found: set[tuple[int, int]] = set()

    def all_have_answered() -> bool:
        with ThreadPoolExecutor(12) as threads:
            replies = list(threads.map(lambda _: server.score({}), range(12)))
        assert {reply.status for reply in replies} == {200}
        found.update((reply.json[0], reply.json[1]) for reply in replies)
        return len(found) >= 3

    eventually(all_have_answered, server)
    return found


def private_megabytes(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


def test_workers_share_what_init_has_loaded(server: ScoringServer) -> None:
    found = answers(server)
    (template,) = {loaded_by for loaded_by, _ in found}
    workers = {pid for _, pid in found}
    assert len(workers) == 3
    assert server.log.count("init() called") == 1
    assert server.worker_pids() == [template]
    assert max(private_megabytes(pid) for pid in workers) < 32  # of the 64 that init() has loaded


@pytest.mark.parametrize(("request_", "how"), [(b"die", "SIGKILL"), (b"exit", "exit code 3")])
def test_a_lost_worker_is_forked_again(server: ScoringServer, request_: bytes, how: str) -> None:
    before = answers(server)
    reply = server.score(request_)
    assert reply.status == 500
    assert reply.message == f"the worker process died ({how})"
    eventually(lambda: len(answers(server) - before) == 1, server)
    assert server.log.count("init() called") == 1


def test_a_lost_template_is_started_again(server: ScoringServer) -> None:
    (template,) = server.worker_pids()
    os.kill(template, signal.SIGKILL)

    def another_answers() -> bool:
        reply = server.score({})
        return reply.status == 200 and reply.json[0] != template

    eventually(another_answers, server)
    assert template not in {loaded_by for loaded_by, _ in answers(server)}


def test_nothing_is_left_when_the_server_ends(server: ScoringServer) -> None:
    processes = {pid for pair in answers(server) for pid in pair}
    server.signal(signal.SIGTERM)
    assert server.wait_for_end() == 0
    assert not any(is_alive(pid) for pid in processes)


def test_nothing_is_left_when_the_server_is_killed(server: ScoringServer) -> None:
    processes = {pid for pair in answers(server) for pid in pair}
    server.signal(signal.SIGKILL)
    eventually(lambda: not any(is_alive(pid) for pid in processes))


def test_a_script_that_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    environment = {**write_script(tmp_path / "app", "def init(): 1 / 0\ndef run(data): ..."), "WORKER_PRELOAD": "true"}
    with ScoringServer(tmp_path, environment) as server:
        assert server.wait_for_end() == 3
        assert "init() failed: score.py:1: ZeroDivisionError: division by zero" in server.log
