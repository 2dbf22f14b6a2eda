"""lmd debug: a debugger attaches to the worker in a container, and leaves no trace."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docker_lmd import DockerLmd
from support.lmd_command import LMD, Reply, ask
from support.server.dap_client import DapClient

SCORE = """\
import json

def init():
    pass

def run(raw_data):
    data = json.loads(raw_data)
    return {"answer": data["x"] + 100}
"""
SECONDS = 60.0


@pytest.fixture
def digits(lmd: DockerLmd) -> DockerLmd:
    (lmd.folder / "score.py").write_text(SCORE)
    result = lmd.apply(SCORE, server={"scoringTimeoutSeconds": 1})
    assert result.code == 0, result.err
    return lmd


@pytest.fixture
def debugging(digits: DockerLmd) -> Iterator[subprocess.Popen[bytes]]:
    """lmd debug, as it runs; what it says is in debug.txt."""
    with (digits.folder / "debug.txt").open("w") as log:
        process = subprocess.Popen(
            [LMD, "debug", "digits", "--target", "docker"],
            cwd=digits.folder,
            env={**os.environ, "LOCALMODEL_HOME": str(digits.home)},
            stdout=log,
            stderr=log,
        )
    yield process
    if process.poll() is None:
        process.kill()
    process.wait()


def eventually(condition: Callable[[], bool], log: Path) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.1)


def test_a_breakpoint_stops_a_request_in_the_container(digits: DockerLmd, debugging: subprocess.Popen[bytes]) -> None:
    said = digits.folder / "debug.txt"
    eventually(lambda: "Ctrl-C ends" in said.read_text() or debugging.poll() is not None, said)
    launch = json.loads((digits.folder / ".vscode" / "launch.json").read_text())["configurations"][0]
    assert launch["connect"]["host"] == "127.0.0.1"
    (mapping,) = launch["pathMappings"]
    assert mapping["localRoot"] == "${workspaceFolder}"

    replies: list[Reply] = []
    thread = threading.Thread(target=lambda: replies.append(ask(digits.port, {"x": 7})))
    with DapClient(launch["connect"]["port"]) as ide:
        ide.attach(digits.folder, mapping["remoteRoot"], {"score.py": [8]})
        thread.start()
        function, line, variables = ide.stopped_variables()
        assert (function, line, variables["data"]) == ("run", 8, "{'x': 7}")
        time.sleep(2)  # longer than the deployment allows for a request
        assert replies == []
        ide.go_on()
        thread.join(SECONDS)
    assert replies == [Reply(200, {"answer": 107}, 1)]

    debugging.send_signal(signal.SIGINT)
    assert debugging.wait(SECONDS) == 0
    assert "worker without a debugger: serves" in said.read_text()
    assert digits.ask({"x": 1}).body == {"answer": 101}
    assert digits.status()["ready"] is True


def test_a_port_of_ones_own_is_refused_with_the_reason(digits: DockerLmd) -> None:
    result = digits("debug", "digits", "--port", "5700")
    assert result.code == 1 and "a container's port for debuggers is its own" in result.err
    assert digits.ask({"x": 1}).body == {"answer": 101}
