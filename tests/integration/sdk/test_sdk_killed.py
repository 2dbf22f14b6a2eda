"""A deployment whose server has died: told at once, and not waited for."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from support.sdk_given import given_client, given_digits, given_home  # noqa: F401 - fixtures

from localmodel import DeployError, Deployment
from localmodel.targets.machine.state import State


def kill(home: Path) -> None:
    pid = int(json.loads((home / "deployments" / "digits" / "server.json").read_text())["id"])
    os.kill(pid, signal.SIGKILL)
    end = time.monotonic() + 60
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_killed_server_has_failed_unless_a_command_is_at_work(home: Path, digits: Deployment) -> None:
    kill(home)
    assert digits.state == "failed" and "lmd start digits starts it" in digits.message
    started = time.monotonic()
    with pytest.raises(DeployError, match="the server is not running"):
        digits.wait(timeout=300)
    assert time.monotonic() - started < 60
    with State(home / "deployments", "digits").turn():
        assert digits.state == "deploying"
    digits.reload()
    assert digits.state == "running" and digits.score([1]) == [1]


def test_looking_turns_no_command_away(home: Path, digits: Deployment) -> None:
    place = State(home / "deployments", "digits")
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            place.is_at_work()

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        for _ in range(50):
            with place.turn():
                assert place.is_at_work()
    finally:
        stop.set()
        watcher.join()
