"""Decisions that come twice, at once, too late, or in the middle of something else."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.server.admin_client import content_of
from support.server.admin_pod import ANSWERS, Pod
from support.server.scoring_server_process import ScoringServer, eventually, is_alive

HANGS = """
import os
import time

def init():
    with open(os.environ["PIDS"], "a") as file:
        print(os.getpid(), file=file)
    time.sleep(float(os.environ["SECONDS"]))

def run(data):
    return "late"
"""


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    return Pod(tmp_path)


@pytest.fixture
def server(pod: Pod) -> Iterator[ScoringServer]:
    with pod.container() as server:
        server.wait_until_ready("1")
        yield server
        assert "error in the admin API" not in server.log
        assert "Task exception was never retrieved" not in server.log


def hanging(pod: Pod, seconds: float) -> dict[str, str]:
    return {"PIDS": str(pod.folder / "pids"), "SECONDS": str(seconds)}


def pids(pod: Pod) -> list[int]:
    path = pod.folder / "pids"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def test_the_same_decision_twice_is_prepared_once(pod: Pod, server: ScoringServer) -> None:
    with ThreadPoolExecutor(3) as threads:
        calls = [threads.submit(pod.prepare, 2, "two", HANGS, variables=hanging(pod, 1.0)) for _ in range(3)]
        replies = [call.result() for call in calls]
    assert [reply.status for reply in replies] == [200, 200, 200]
    assert len(pids(pod)) == 1
    assert pod.prepare(2, "two", HANGS, variables=hanging(pod, 1.0)).status == 200
    assert len(pids(pod)) == 1
    assert [pod.commit(2, "two").status for _ in range(2)] == [200, 200]
    assert pod.prepare(2, "two", HANGS, variables=hanging(pod, 1.0)).status == 200, "it serves already"
    assert len(pids(pod)) == 1
    assert server.score({}).json == "late"


def test_a_newer_decision_takes_the_place_of_one_that_hangs(pod: Pod, server: ScoringServer) -> None:
    with ThreadPoolExecutor(1) as threads:
        older = threads.submit(pod.prepare, 2, "two", HANGS, variables=hanging(pod, 600))
        eventually(lambda: pids(pod) != [], server)
        assert pod.admin.state()["preparing"] == {"epoch": 2, "content": content_of("two")}
        pod.swap(3, "three")
        reply = older.result(60)
    assert (reply.status, reply.json["reason"], reply.json["epoch"]) == (409, "Superseded", 3)
    assert server.score({}).json == "three"
    eventually(lambda: not any(is_alive(pid) for pid in pids(pod)), server)
    eventually(lambda: content_of("two") not in pod.admin.state()["held"], server)


def test_a_prepare_that_hangs_can_be_aborted(pod: Pod, server: ScoringServer) -> None:
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(pod.prepare, 2, "two", HANGS, variables=hanging(pod, 600))
        eventually(lambda: pids(pod) != [], server)
        assert pod.admin.call("abort", 2, content_of("two")).status == 200
        reply = call.result(60)
    assert (reply.status, reply.json["reason"]) == (409, "Aborted")
    eventually(lambda: not any(is_alive(pid) for pid in pids(pod)), server)
    state = pod.admin.state()
    assert (state["preparing"], state["prepared"], state["serving"]) == (None, None, True)
    pod.swap(2, "two")
    assert server.score({}).json == "two"


def test_what_is_late_is_refused(pod: Pod, server: ScoringServer) -> None:
    replayed = pod.admin.token("commit", 5, content_of("five"))
    pod.swap(5, "five")
    pod.swap(6, "six")
    for action, epoch, name in (
        ("prepare", 5, "five"),
        ("prepare", 4, "four"),
        ("commit", 5, "five"),
        ("abort", 5, "five"),
        ("prepare", 6, "another of the same epoch"),
    ):
        reply = pod.admin.call(action, epoch, content_of(name))
        assert (reply.status, reply.json["reason"], reply.json["epoch"]) == (409, "Superseded", 6), (action, epoch)
    assert pod.admin.send("commit", replayed).status == 409
    assert pod.admin.call("abort", 6, content_of("six")).json["reason"] == "Committed"
    # a newer one has been prepared, and aborted: older ones stay refused
    assert pod.prepare(8, "eight").status == 200
    assert pod.prepare(7, "seven").json["epoch"] == 8
    assert pod.admin.call("abort", 8, content_of("eight")).status == 200
    assert pod.prepare(7, "seven").status == 409
    state = pod.admin.state()
    assert (state["epoch"], state["serving"], server.score({}).json) == (6, True, "six")


def test_a_commit_of_what_is_not_prepared_makes_the_pod_unready(pod: Pod, server: ScoringServer) -> None:
    assert pod.prepare(2, "two").status == 200
    reply = pod.commit(3, "three")
    assert (reply.status, reply.json["reason"]) == (409, "NotPrepared")
    assert server.get("/readyz").message == "behind: epoch 3 is to serve, and is not prepared here"
    assert server.score({}).json == "image", "who asks all the same gets an answer"
    pod.swap(3, "three")
    assert server.get("/readyz").status == 200
    assert server.score({}).json == "three"


def test_a_prepared_revision_whose_worker_dies_is_healed(pod: Pod, server: ScoringServer) -> None:
    assert pod.prepare(2, "two", HANGS, variables=hanging(pod, 0)).status == 200
    (pid,) = pids(pod)
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not is_alive(pid), server)
    assert pod.commit(2, "two").status == 200
    eventually(lambda: server.get("/readyz").status == 200, server)
    assert server.score({}).json == "late"


def test_a_stop_does_not_wait_for_a_prepare(pod: Pod, server: ScoringServer) -> None:
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(pod.prepare, 2, "two", HANGS, variables=hanging(pod, 600))
        eventually(lambda: pids(pod) != [], server)
        server.signal(signal.SIGTERM)
        assert call.result(60).json["reason"] == "Stopping"
    assert server.wait_for_end() == 0
    eventually(lambda: not any(is_alive(pid) for pid in pids(pod)), server)


def test_a_debugger_comes_to_what_serves_and_goes_with_the_next_revision(pod: Pod, tmp_path: Path) -> None:
    file = tmp_path / "debug.json"
    states = tmp_path / "debug.json.state"
    debugger = tmp_path / "debugger"
    (debugger / "debugpy").mkdir(parents=True)
    (debugger / "debugpy" / "__init__.py").write_text("def configure(how): ...\ndef connect(address): ...\n")

    def told() -> object:
        return json.loads(states.read_text())["state"] if states.exists() else None

    with pod.container(LOCALMODEL_DEBUG_FILE=str(file)) as server:
        server.wait_until_ready("1")
        pod.swap(2, "two")
        server.signal(signal.SIGHUP)
        file.write_text(json.dumps({"id": "d1", "connect": ["127.0.0.1", 1], "path": str(debugger)}))
        assert pod.prepare(3, "three").status == 200
        server.signal(signal.SIGUSR1)
        eventually(lambda: told() == "debugging", server)
        assert server.score({}).json == "two", "what was swapped in, not the image's"
        assert pod.admin.state()["epoch"] == 2
        assert pod.commit(3, "three").status == 200
        assert told() == "normal"
        assert server.score({}).json == "three"
        assert pod.admin.state()["parked"] == content_of("two"), "as it was without the debugger"
        pod.swap(4, "two")
        assert server.score({}).json == "two"
        eventually(lambda: "debugger connected to" in server.log, server)
        assert server.log.count("debugger connected to") == 1
        assert "SIGHUP ignored" in server.log


def test_fifty_swaps_under_load_lose_nothing(pod: Pod, server: ScoringServer) -> None:
    answers: Counter[tuple[int, str]] = Counter()
    stop = threading.Event()

    def ask() -> None:
        connection = server.connect()
        while not stop.is_set():
            connection.request("POST", "/score", "{}")
            response = connection.getresponse()
            answers[response.status, response.read().decode()] += 1
            time.sleep(0.02)

    with ThreadPoolExecutor(3) as threads:
        clients = [threads.submit(ask) for _ in range(3)]
        for epoch in range(2, 52):
            pod.swap(epoch, f"r{epoch}", ANSWERS.format(name=f"r{epoch}"))
            assert server.score({}).json == f"r{epoch}", "after the commit no older one answers"
        stop.set()
        for client in clients:
            client.result(60)
    assert {status for status, _ in answers} == {200}
    assert sum(answers.values()) > 100
    eventually(lambda: len(pod.admin.state()["held"]) <= 3, server)
