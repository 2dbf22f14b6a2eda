"""Runs the scoring server as a real process for the tests."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

# Nothing takes so long, unless it never comes.
_SECONDS = 60.0
# Without the packages that are installed for the tests: a worker needs none.
BARE_PYTHON = str(Path(sys.base_prefix) / "bin" / "python3")
# A script that takes a moment, and answers with its name.
ANSWERS = "import time\ndef init(): pass\ndef run(data):\n    time.sleep(0.002)\n    return {name!r}\n"


class Reply(NamedTuple):
    """An HTTP answer; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        assert self.headers["content-type"] == "application/json"
        content = self.json
        assert list(content) == ["message"]
        return str(content["message"])


class ScoringServer:
    """A server process on a free port of 127.0.0.1, with its log in a file."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        *arguments: str,
        python: str = sys.executable,
        log: Path | None = None,
    ) -> None:
        self._log_path = log or folder / f"server-{time.monotonic_ns()}.log"
        with self._log_path.open("ab") as output:
            self.process = subprocess.Popen(
                [python, "-I", "-m", "localmodel_server", "--host", "127.0.0.1", "--port", "0", *arguments],
                env={**os.environ, "LOCALMODEL_PYTHON": BARE_PYTHON, **environment},
                stdout=output,
                stderr=output,
                cwd=folder,
            )
        self.port = 0
        self._connections: list[http.client.HTTPConnection] = []

    def __enter__(self) -> ScoringServer:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for connection in self._connections:
            connection.close()

    @property
    def log(self) -> str:
        return self._log_path.read_text(errors="replace")

    def wait_until_listening(self) -> ScoringServer:
        def listening() -> bool:
            assert self.process.poll() is None, self.log
            found = re.search(r"listening on 127\.0\.0\.1 port (\d+)", self.log)
            self.port = int(found[1]) if found else 0
            return found is not None

        eventually(listening, self)
        return self

    def wait_until_ready(self, revision: str | None = None) -> ScoringServer:
        if not self.port:
            self.wait_until_listening()

        def ready() -> bool:
            reply = self.get("/readyz")
            return reply.status == 200 and revision in (None, reply.json["revision"])

        eventually(ready, self)
        return self

    def connect(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_SECONDS)
        self._connections.append(connection)
        return connection

    def request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, **options: Any
    ) -> Reply:
        connection = self.connect()
        try:
            connection.request(method, path, body, dict(headers or {}), **options)
            return read_reply(connection)
        finally:
            connection.close()

    def get(self, path: str) -> Reply:
        return self.request("GET", path)

    def score(self, body: Any, headers: Mapping[str, str] | None = None) -> Reply:
        """POST bytes as they are, anything else as JSON."""
        return self.request("POST", "/score", body if isinstance(body, bytes) else json.dumps(body), headers)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def signal_reload(self) -> None:
        self.signal(signal.SIGHUP)

    def worker_pids(self) -> list[int]:
        return [pid for pid, is_warm_parent in self._children() if not is_warm_parent]

    def warm_parents(self) -> list[int]:
        return [pid for pid, is_warm_parent in self._children() if is_warm_parent]

    def wait_until_warm(self, times: int = 1) -> ScoringServer:
        """Until a warm parent has imported everything for the so manieth time."""
        eventually(lambda: self.log.count("the next revision can be forked") >= times, self)
        return self

    def figure(self, name: str) -> float:
        """A metric without labels."""
        lines = self.get("/metrics").body.decode().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(name + " "))

    def wait_until_asked(self, count: int) -> None:
        """Until so many requests have a worker or wait for one; those of clients that have left may count, too."""
        names = ("localmodel_requests_in_flight", "localmodel_queue_depth")
        eventually(lambda: sum(map(self.figure, names)) >= count, self)

    def wait_for_end(self) -> int:
        """The exit code of a server that ends by itself, or has been told to."""
        return self.process.wait(_SECONDS)

    def _children(self) -> list[tuple[int, bool]]:
        # A process that executes its program just then is read half as what it was: two readings have to agree.
        before, now = None, self._listed()
        while now != before:
            before, now = now, self._listed()
        return now

    def _listed(self) -> list[tuple[int, bool]]:
        listing = subprocess.run(
            ["ps", "-A", "-ww", "-o", "pid=,ppid=,stat=,f=,args="], capture_output=True, text=True, check=True
        ).stdout
        rows = [line.split(None, 4) for line in listing.splitlines()]
        # What a warm parent has forked has its arguments, but has executed no program of its own (flag 1).
        return [
            (int(pid), args.endswith("--warm") and not int(flags) & 1)
            for pid, ppid, state, flags, args in rows
            # While it becomes a worker, a process has the server's arguments, or none ("[python3]").
            if ppid == str(self.process.pid) and not state.startswith("Z") and "localmodel_worker" in args
        ]


def read_reply(connection: http.client.HTTPConnection) -> Reply:
    response = connection.getresponse()
    body = response.read()
    return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, body)


def eventually(condition: Callable[[], bool], server: ScoringServer | None = None) -> None:
    """Wait until the condition holds; fails with the server's log."""
    deadline = time.monotonic() + _SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("did not happen in time\n" + (server.log if server else ""))
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process exists and is not a zombie."""
    listing = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return bool(listing.stdout.strip()) and not listing.stdout.strip().startswith("Z")


def write_script(folder: Path, script: str, **others: str) -> dict[str, str]:
    """Write score.py (and others, by module name) into folder; returns the variables to serve it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "score.py").write_text(script)
    for name, text in others.items():
        (folder / f"{name}.py").write_text(text)
    return {"AML_APP_ROOT": str(folder)}


class RevisionFile:
    """The revision file and status file of a server that reloads on SIGHUP."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "revision.json"
        self._status = folder / "status.json"
        self.arguments = ("--revision-file", str(self._path), "--status-file", str(self._status))

    def write(self, revision: str, script: str, **environment: str) -> None:
        """Put a revision with its own code folder into the file."""
        variables = write_script(self._folder / revision, script)
        variables["LOCALMODEL_REVISION"] = revision
        self.write_text(json.dumps({"environment": {**variables, **environment}}))

    def write_text(self, text: str) -> None:
        self._path.write_text(text)

    @property
    def status(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self._status.read_text()))
        except FileNotFoundError:
            return {}


class Load:
    """Clients on kept connections that ask until they are stopped."""

    PAUSE = 0.01  # seconds after each answer: without it, they would take the processor from what they wait for

    def __init__(self, server: ScoringServer, clients: int) -> None:
        self.answers: Counter[tuple[int, str, str]] = Counter()
        self.errors: list[str] = []
        self._server = server
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]

    def revisions(self) -> set[str]:
        """Those that have answered so far."""
        return {revision for _, revision, _ in list(self.answers)}

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        connection = self._server.connect()
        while not self._stop.is_set():
            try:
                connection.request("POST", "/score", "{}")
                reply = read_reply(connection)
            except (OSError, http.client.HTTPException) as error:
                self.errors.append(repr(error))
                return
            self.answers[reply.status, reply.headers["x-localmodel-revision"], reply.body.decode()] += 1
            self._stop.wait(self.PAUSE)
        connection.close()


def find_python(version: str) -> str | None:
    """An interpreter that runs: pyenv puts launchers on PATH for versions that it would not start."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    installed = sorted(str(path) for path in pyenv.glob(f"{version}.*/bin/python{version}"))
    for candidate in [*installed, shutil.which(f"python{version}")]:
        if candidate and subprocess.run([candidate, "-c", ""], capture_output=True).returncode == 0:
            return candidate
    return None
