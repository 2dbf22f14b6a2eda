"""Runs the command lmd as a user does, with a folder of its own."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from localmodel.targets.ports import is_free
from support import forked_lmd

# A shell that runs the tests in the background ignores Ctrl-C, and what it starts would, too.
signal.signal(signal.SIGINT, signal.default_int_handler)

LMD = forked_lmd.LMD
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

# Processes that run tests at the same time lock the ports they take: a byte of this file for each.
_PORTS = itertools.cycle(range(21000, 30000, 2))
_LOCKED_PORTS = os.open(Path(tempfile.gettempdir()) / f"localmodel-test-ports-{os.getuid()}", os.O_CREAT | os.O_RDWR)

SCRIPT = """
import json

def init():
    pass

def run(raw_data):
    return {answer}
"""
# An init() that raises in line 4.
BROKEN_INIT = """
def init():
    ages = {}
    ages["age"]

def run(raw_data):
    return 1
"""


def script(answer: str) -> str:
    """An entry script that answers with this expression."""
    return SCRIPT.replace("{answer}", answer)


class Result(NamedTuple):
    """What a command left; `text` is everything it wrote, unwrapped."""

    code: int
    out: str
    err: str


class Reply(NamedTuple):
    status: int
    body: Any
    revision: int


class Running(NamedTuple):
    """A command that runs, and the file with all that it has said."""

    process: subprocess.Popen[bytes]
    output: Path

    def says(self, text: str, seconds: float = 60) -> None:
        """Wait until it has said the text."""
        end = time.monotonic() + seconds
        while True:
            goes_on = self.process.poll() is None and time.monotonic() < end
            if text in self.said():
                return
            assert goes_on, f"not said: {text}; but: {self.said()}"
            time.sleep(0.02)

    def said(self) -> str:
        return self.output.read_text()


class Lmd:
    """The command, below a folder for one test; what it says and its servers log is shown when the test fails."""

    def __init__(self, folder: Path, command: str = LMD) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.port = free_port()
        self._command = command

    def __call__(self, *arguments: str | Path, env: Mapping[str, str] | None = None, stdin: str = "") -> Result:
        words, variables = [*map(str, arguments)], {**os.environ, "LOCALMODEL_HOME": str(self.home), **(env or {})}
        if self._command == LMD and forked_lmd.can_run(variables):
            result = forked_lmd.run(words, variables, self.folder, stdin, 300)
        else:
            result = subprocess.run(
                [self._command, *words],
                env=variables,
                cwd=self.folder,
                input=stdin,
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
        print(f"lmd {' '.join(map(str, arguments))}: exit code {result.returncode}\n{result.stdout}{result.stderr}")
        assert "Traceback" not in result.stderr.partition("error: ")[0], result.stderr
        return Result(result.returncode, result.stdout, result.stderr)

    @contextmanager
    def running(self, *arguments: str | Path) -> Iterator[Running]:
        """The command while it runs; it is ended with the block."""
        environment = {**os.environ, "LOCALMODEL_HOME": str(self.home)}
        output = self.folder / f"output-{time.monotonic_ns()}"
        with (
            output.open("wb") as file,
            subprocess.Popen(
                [self._command, *map(str, arguments)], env=environment, cwd=self.folder, stdout=file, stderr=file
            ) as process,
        ):
            try:
                yield Running(process, output)
            finally:
                process.terminate()
                print(f"lmd {' '.join(map(str, arguments))}:\n{output.read_text()}")

    def manifest(self, code: str | Mapping[str, str], name: str = "digits", **spec: Any) -> Path:
        """A manifest file with the code in it: the text of score.py, or text by file name."""
        inline = {"score.py": code} if isinstance(code, str) else dict(code)
        path = self.folder / f"{name}.yaml"
        content = {
            "apiVersion": "localmodel.dev/v1alpha1",
            "kind": "LocalModelDeployment",
            "metadata": {"name": name},
            "spec": {
                "models": [],
                "scoring": {"entryScript": "score.py", "source": {"inline": inline}},
                "environment": {"python": PYTHON},
                "service": {"localPort": self.port},
                **spec,
            },
        }
        path.write_text(yaml.safe_dump(content))
        return path

    def apply(self, code: str | Mapping[str, str], *arguments: str, name: str = "digits", **spec: Any) -> Result:
        return self("apply", "-f", self.manifest(code, name, **spec), *arguments)

    def status(self, name: str = "digits") -> dict[str, Any]:
        """What lmd status says, without the figures, which are others each time."""
        result: dict[str, Any] = json.loads(self("status", name, "-o", "json").out)
        result.pop("figures", None)
        return result

    def pid(self, name: str = "digits") -> int:
        record = json.loads((self.home / "deployments" / name / "server.json").read_text())
        return int(record["id"])

    def asked_for(self, name: str = "digits") -> int:
        """The revision that the server was last asked to serve."""
        record = json.loads((self.home / "deployments" / name / "revision.json").read_text())
        return int(record["environment"]["LOCALMODEL_REVISION"])

    def ask(self, body: Any = None) -> Reply:
        return ask(self.port, body)

    def clean_up(self) -> None:
        for log in (self.home / "deployments").glob("*/server.log"):  # shown with a test that has failed
            print(log, log.read_text(errors="replace")[-2000:], sep="\n")
        for deployment in (self.home / "deployments").glob("*/revision.json"):
            assert self("delete", deployment.parent.name).code == 0


def ask(port: int, body: Any = None) -> Reply:
    """POST to /score on this machine."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(f"http://127.0.0.1:{port}/score", json.dumps(body).encode())
    try:
        with opener.open(request, timeout=60) as answer:
            return Reply(answer.status, json.load(answer), int(answer.headers["x-localmodel-revision"]))
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, json.load(error), int(error.headers["x-localmodel-revision"] or 0))


def answers(port: int) -> bool:
    """Whether anything listens on the port."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """A port with a free one behind it, outside the range that clusters map; no other process gets it."""
    for port in itertools.islice(_PORTS, 4500):
        with suppress(BlockingIOError):
            fcntl.lockf(_LOCKED_PORTS, fcntl.LOCK_EX | fcntl.LOCK_NB, 2, port)
            if is_free(port) and is_free(port + 1):
                return port
    raise AssertionError("no free port")


@contextmanager
def load(port: int, clients: int = 3) -> Iterator[list[Reply | Exception]]:
    """Clients that ask one request after the other; every outcome in the order it came."""
    outcomes: list[Reply | Exception] = []
    stop = threading.Event()

    def client() -> None:
        while not stop.is_set():
            try:
                outcomes.append(ask(port))
            except Exception as error:
                outcomes.append(error)
            stop.wait(0.01)  # clients without a pause would take the processor from what they wait for

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield outcomes
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def assert_edits_lose_no_request(lmd: Lmd, broken: str) -> None:
    """Apply good code, the broken code and good code again, to a deployment that answers 1, while clients ask."""
    with load(lmd.port) as outcomes:
        for code, expected in ((script("2"), 0), (broken, 1), (script("3"), 0), (script("4"), 0)):
            assert lmd.apply(code).code == expected
        enough = len(outcomes) + 20
        while len(outcomes) < enough:
            time.sleep(0.05)
    assert [outcome for outcome in outcomes if isinstance(outcome, Exception) or outcome.status != 200] == []
    assert {outcome.body for outcome in outcomes if not isinstance(outcome, Exception)} >= {1, 2, 3, 4}
