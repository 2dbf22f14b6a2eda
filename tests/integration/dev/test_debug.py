"""lmd debug: a debugger attaches to a running deployment, stops in score.py, and leaves no trace."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.lmd_command import LMD, Lmd, Reply, ask, free_port
from support.server.dap_client import DapClient

SCORE = """\
import json

def init():
    global offset
    offset = 100

def run(raw_data):
    data = json.loads(raw_data)
    answer = data["x"] + offset
    return {"answer": answer}
"""
SECONDS = 60.0


@pytest.fixture(scope="session")
def debugger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where debugpy is kept, so that not every test downloads it."""
    return tmp_path_factory.mktemp("debugger")


class Command:
    """lmd debug, as it runs."""

    def __init__(self, lmd: Lmd, *arguments: str) -> None:
        self.port = free_port()
        self._log = lmd.folder / f"debug-{time.monotonic_ns()}.txt"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [LMD, "debug", "digits", *(arguments or ("--port", str(self.port)))],
                cwd=lmd.folder / "code",
                env={**os.environ, "LOCALMODEL_HOME": str(lmd.home)},
                stdout=log,
                stderr=log,
            )

    @property
    def said(self) -> str:
        return self._log.read_text()

    def wait_for(self, text: str, times: int = 1) -> None:
        eventually(lambda: self.said.count(text) >= times or self.process.poll() is not None, lambda: self.said)
        assert self.said.count(text) >= times, self.said

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(SECONDS)


@pytest.fixture
def digits(lmd: Lmd, debugger: Path) -> Iterator[Lmd]:
    """A deployment with a short timeout, and the folder `code` with its source."""
    (lmd.home / "debugger").symlink_to(debugger)
    (lmd.folder / "code").mkdir()
    serve(lmd, SCORE)
    yield lmd


@pytest.fixture
def debug(digits: Lmd) -> Iterator[Callable[..., Command]]:
    """Starts lmd debug; what a test leaves running is stopped."""
    started: list[Command] = []

    def start(*arguments: str) -> Command:
        started.append(Command(digits, *arguments))
        return started[-1]

    yield start
    for command in started:
        if command.process.poll() is None:
            command.stop(signal.SIGKILL)


def serve(lmd: Lmd, code: str) -> None:
    (lmd.folder / "code" / "score.py").write_text(code)
    result = lmd.apply(code, server={"scoringTimeoutSeconds": 1})
    assert result.code == 0, result.err


def eventually(condition: Callable[[], bool], why: Callable[[], str]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, why()
        time.sleep(0.05)


def code_folder(lmd: Lmd, revision: int = 1) -> str:
    return str(lmd.home / "deployments" / "digits" / "revisions" / str(revision) / "app")


def asking(lmd: Lmd, body: Any) -> tuple[threading.Thread, list[Reply]]:
    """A request under way, and where its answer will be."""
    replies: list[Reply] = []
    thread = threading.Thread(target=lambda: replies.append(ask(lmd.port, body)))
    thread.start()
    return thread, replies


def test_a_breakpoint_stops_a_request_that_nothing_times_out(digits: Lmd, debug: Callable[..., Command]) -> None:
    command = debug()
    command.wait_for("Ctrl-C ends")
    with DapClient(command.port) as ide:
        ide.attach(digits.folder / "code", code_folder(digits), {"score.py": [9]})
        thread, replies = asking(digits, {"x": 7})
        function, line, variables = ide.stopped_variables()
        assert (function, line, variables["data"]) == ("run", 9, "{'x': 7}")
        time.sleep(2.5)  # longer than the deployment allows for a request
        assert replies == []
        ide.go_on()
        thread.join(SECONDS)
    assert replies == [Reply(200, {"answer": 107}, 1)]

    assert command.stop() == 0
    assert "worker without a debugger: serves" in command.said
    assert ask(digits.port, {"x": 1}).body == {"answer": 101}
    status = digits.status()
    assert (status["ready"], status["message"]) == (True, "")
    eventually(lambda: not listens(command.port), lambda: "the debugger is still there")
    assert not (digits.home / "deployments" / "digits" / "debug.json").exists()


def test_with_wait_it_stops_in_init_while_the_old_worker_answers(digits: Lmd, debug: Callable[..., Command]) -> None:
    command = debug("--wait", "--port", str(port := free_port()))
    command.wait_for("waits for the debugger to attach")
    assert ask(digits.port, {"x": 1}).body == {"answer": 101}
    with DapClient(port) as ide:
        ide.attach(digits.folder / "code", code_folder(digits), {"score.py": [5]})
        function, line, _ = ide.stopped_variables()
        assert (function, line) == ("init", 5)
        assert ask(digits.port, {"x": 2}).body == {"answer": 102}
        ide.go_on()
    assert command.stop(signal.SIGTERM) == 0
    assert ask(digits.port, {"x": 3}).body == {"answer": 103}


def test_the_revision_that_is_applied_meanwhile_is_debugged_too(digits: Lmd, debug: Callable[..., Command]) -> None:
    command = debug()
    command.wait_for("Ctrl-C ends")
    serve(digits, SCORE.replace("100", "200"))
    command.wait_for("Ctrl-C ends", times=2)
    assert "revision 2 serves now" in command.said
    with DapClient(command.port) as ide:
        ide.attach(digits.folder / "code", code_folder(digits, 2), {"score.py": [10]})
        thread, replies = asking(digits, {"x": 1})
        assert ide.stopped_variables()[2]["answer"] == "201"
        ide.go_on()
        thread.join(SECONDS)
    assert replies == [Reply(200, {"answer": 201}, 2)]
    assert command.stop() == 0


def test_after_a_killed_command_the_next_one_takes_over(digits: Lmd, debug: Callable[..., Command]) -> None:
    first = debug()
    first.wait_for("Ctrl-C ends")
    first.stop(signal.SIGKILL)
    assert ask(digits.port, {"x": 1}).body == {"answer": 101}
    second = debug("--port", str(first.port))
    second.wait_for("Ctrl-C ends")
    with DapClient(first.port) as ide:
        ide.attach(digits.folder / "code", code_folder(digits), {"score.py": [10]})
    assert second.stop() == 0
    assert digits.status()["ready"]


def test_vs_code_gets_an_entry_and_keeps_its_own(digits: Lmd, debug: Callable[..., Command]) -> None:
    launch = digits.folder / "code" / ".vscode" / "launch.json"
    launch.parent.mkdir()
    launch.write_text('{\n  // mine\n  "configurations": [\n    {"name": "tests"}, // keep\n  ],\n}\n')
    command = debug()
    command.wait_for("Ctrl-C ends")
    text = launch.read_text()
    assert "// mine" in text and '{"name": "tests"}, // keep' in text
    assert '"name": "lmd debug digits"' in text and f'"port": {command.port}' in text
    assert f'"remoteRoot": "{code_folder(digits)}"' in text and '"localRoot": "${workspaceFolder}"' in text
    assert command.stop() == 0


def test_what_cannot_be_debugged_is_told_and_serves_on(digits: Lmd, debug: Callable[..., Command]) -> None:
    busy = debug("--port", str(digits.port))
    assert busy.process.wait(SECONDS) == 1
    assert f"error: --port {digits.port} is held by" in busy.said
    nobody = debug("--connect", f"127.0.0.1:{free_port()}")
    assert nobody.process.wait(SECONDS) == 1
    assert "no debugger listens on 127.0.0.1:" in nobody.said
    assert ask(digits.port, {"x": 1}) == Reply(200, {"answer": 101}, 1)
    assert digits.status()["ready"]
    unknown = digits("debug", "gone")
    assert unknown.code == 1 and "no deployment gone runs as a process" in unknown.err
    assert digits("debug", "digits", "--connect", "5678").code == 2


def test_azures_variable_connects_out_and_says_when_nobody_listens(lmd: Lmd) -> None:
    variables = [{"name": "AZUREML_DEBUG_PORT", "value": str(free_port())}]
    result = lmd.apply(SCORE, env=variables)
    assert result.code == 1
    assert "AZUREML_DEBUG_PORT: No module named 'debugpy'; add debugpy to the environment's requirements" in result.err
    requirements = {"python": "3.11", "requirements": ["debugpy==1.8.21"]}
    result = lmd.apply(SCORE, env=variables, environment=requirements)
    assert result.code == 1
    assert f"AZUREML_DEBUG_PORT: no debugger listens on localhost:{variables[0]['value']}" in result.err


def listens(port: int) -> bool:
    listing = subprocess.run(["ss", "-ltn"], capture_output=True, text=True).stdout
    return f":{port} " in listing
