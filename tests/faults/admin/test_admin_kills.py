"""A server that is killed at any step of a swap: the next container serves what the folder says, and nothing else."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import threading
from pathlib import Path

import pytest
from support.server.admin_client import HEADER, content_of
from support.server.admin_pod import ANSWERS, Pod
from support.server.scoring_server_process import eventually

HANGS = "import time\ndef init():\n    time.sleep(600)\ndef run(data): ...\n"


def restarted(pod: Pod, epoch: int, name: str) -> None:
    """The next container serves a revision, has nothing of the last one's on its way, and can be swapped."""
    with pod.container() as server:
        server.wait_until_ready()
        assert server.score({}).json == name
        assert pod.admin.state()["epoch"] == epoch
        assert pod.left_over == []
        pod.swap(epoch + 10, "later")
        assert server.score({}).json == "later"


def in_background(pod: Pod, epoch: int, name: str, script: str) -> threading.Thread:
    """Prepare, and never mind the answer."""

    def call() -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):  # the server is killed
            pod.prepare(epoch, name, script)

    thread = threading.Thread(target=call)
    thread.start()
    return thread


def half_a_bundle(pod: Pod, epoch: int, name: str) -> http.client.HTTPConnection:
    """Begin to prepare: the rest of the bundle is still to come."""
    body = pod.bundle(name, HANGS, files={"code/large.bin": bytes(1_000_000)})
    connection = http.client.HTTPConnection("127.0.0.1", pod.admin.port, timeout=60)
    connection.putrequest("POST", "/prepare")
    connection.putheader(HEADER, pod.admin.token("prepare", epoch, content_of(name), body))
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body[: len(body) // 2])
    return connection


@pytest.mark.parametrize("step", ["receiving", "loading", "prepared", "accepted", "committed", "swept"])
def test_killed_while(tmp_path: Path, step: str) -> None:
    pod = Pod(tmp_path)
    with pod.container() as server:
        server.wait_until_ready("1")
        pod.swap(2, "two")
        if step == "receiving":
            connection = half_a_bundle(pod, 3, "three")
            eventually(lambda: pod.left_over != [], server)
            server.process.kill()
            connection.close()
        elif step == "loading":
            thread = in_background(pod, 3, "three", HANGS)
            eventually(lambda: pod.admin.state()["preparing"] is not None and pod.left_over == [], server)
            server.process.kill()
            thread.join()
        else:
            assert pod.prepare(3, "three").status == 200
            if step in ("committed", "swept"):
                assert pod.commit(3, "three").status == 200
            if step == "swept":
                pod.swap(4, "four")
                eventually(lambda: content_of("two") not in pod.admin.state()["held"], server)
            server.process.kill()
        server.process.wait()
    if step == "accepted":  # between the writing and the switch
        accepted = {"epoch": 3, "revision": "three", "content": content_of("three")}
        (pod.state_folder / "accepted.json").write_text(json.dumps(accepted))
    expected = {"accepted": (3, "three"), "committed": (3, "three"), "swept": (4, "four")}
    restarted(pod, *expected.get(step, (2, "two")))


def test_killed_at_any_moment(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    serves = (1, "image")
    chance = random.Random(6)
    for epoch in range(2, 9):
        name = f"r{epoch}"
        with pod.container() as server:
            server.wait_until_ready()
            assert server.score({}).json == serves[1]
            assert pod.admin.state()["epoch"] == serves[0]
            threading.Timer(chance.uniform(0.0, 0.4), server.process.kill).start()
            committed = swapped(pod, epoch, name)
            server.process.wait()
        path = pod.state_folder / "accepted.json"
        accepted = json.loads(path.read_text())["epoch"] if path.exists() else 1
        assert accepted == epoch or (accepted == serves[0] and not committed), "what was answered stays"
        serves = (epoch, name) if accepted == epoch else serves
    with pod.container() as server:
        server.wait_until_ready()
        assert server.score({}).json == serves[1]
        assert pod.left_over == []


def swapped(pod: Pod, epoch: int, name: str) -> bool:
    """Prepare and commit, until the server is killed; whether the commit was answered."""
    try:
        prepared = pod.prepare(epoch, name, ANSWERS.format(name=name))
        return prepared.status == 200 and pod.commit(epoch, name).status == 200
    except (OSError, http.client.HTTPException):
        return False
