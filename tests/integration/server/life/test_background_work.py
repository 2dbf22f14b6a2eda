"""What a revision's script has started in the background ends when another revision serves."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.server.scoring_server_process import RevisionFile, ScoringServer, eventually, is_alive, write_script

from localmodel_server.configuration.settings import read_settings
from localmodel_server.workers.pool import Pool

START = """
import os
import signal
import subprocess
import threading
import time

KIND, FILE, NAME = {kind!r}, {file!r}, {name!r}


def tick(*_):
    with open(FILE, "a") as file:
        file.write(NAME + "\\n")


def loop():
    while True:
        tick()
        time.sleep(0.05)


def again():
    tick()
    threading.Timer(0.05, again).start()


def init():
    if KIND == "thread":
        threading.Thread(target=loop, daemon=True, name="poller").start()
    elif KIND == "timer":
        again()
    elif KIND == "alarm":
        signal.signal(signal.SIGALRM, tick)
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    elif KIND == "child":
        command = f"while true; do echo {{NAME}} >> {{FILE}}; sleep 0.05; done"
        subprocess.Popen(["sh", "-c", command], start_new_session=True)


def run(data):
    return os.getpid()
"""
IDLE = {
    "an executor's thread that has nothing to do": "pool = ThreadPoolExecutor(2); pool.submit(int).result()",
    "a thread and a process that have ended": "pool = Thread(target=int); pool.start(); pool.join(); Popen(['true'])",
    "threads of a library": "import numpy; pool = numpy.ones((600, 600)) @ numpy.ones((600, 600))",
}
BUSY = {
    "pool = ThreadPoolExecutor(2); pool.submit(time.sleep, 60)": "its thread 'ThreadPoolExecutor-0_0'",
    "_thread.start_new_thread(lambda: time.sleep(60), ())": "its thread '",
    "Timer(60, int).start()": "its thread 'Thread-",
    "signal.alarm(60)": "its alarm",
    "Popen(['sh', '-c', 'setsid sleep 60 & '], start_new_session=True).wait()": "its process ",
}


class Given:
    """A server, and revisions of one kind."""

    def __init__(self, folder: Path, kind: str, **variables: str) -> None:
        self.ticks = folder / "ticks.txt"
        self._file = RevisionFile(folder)
        self._kind, self._variables = kind, variables
        self._written: dict[str, str] = {}
        self._wanted = folder / "revision.json"
        self._write("A")
        self.server = ScoringServer(folder, {}, *self._file.arguments)

    def serve(self, name: str) -> None:
        self._write(name)
        self.server.signal_reload()
        self.server.wait_until_ready(name)

    def pid(self) -> int:
        return int(self.server.score({}).json)

    def only_from(self, name: str) -> None:
        """Wait until nobody else writes."""

        eventually(self.ticks.exists, self.server)

        def ticks_alone() -> bool:
            before = self.ticks.stat().st_size
            eventually(lambda: self.ticks.stat().st_size > before + 20)
            return set(self.ticks.read_text()[before:].split()) == {name}

        eventually(ticks_alone, self.server)

    def _write(self, name: str) -> None:
        if name in self._written:
            self._file.write_text(self._written[name])
            return
        script = START.format(kind=self._kind, file=str(self.ticks), name=name)
        self._file.write(name, script, LOCALMODEL_CONTENT=f"sha256:{name}", **self._variables)
        self._written[name] = self._wanted.read_text()


@pytest.fixture
def started() -> Iterator[list[ScoringServer]]:
    servers: list[ScoringServer] = []
    yield servers
    for server in servers:
        server.process.terminate()  # killed, it could not end what its workers have started
        server.process.wait(60)
        server.__exit__()


@pytest.mark.parametrize("kind", ["thread", "timer", "alarm", "child", "thread of a template"])
def test_what_goes_on_ends_with_its_revision_and_starts_again_with_it(
    tmp_path: Path, started: list[ScoringServer], kind: str
) -> None:
    kind, _, template = kind.partition(" of a ")
    given = Given(tmp_path, kind, **({"WORKER_PRELOAD": "true"} if template else {"WORKER_COUNT": "2"}))
    started.append(given.server)
    given.server.wait_until_ready("A")
    first = given.pid()
    given.only_from("A")
    given.serve("B")
    given.only_from("B")
    eventually(lambda: not is_alive(first), given.server)
    told = r"revision 'A' is no longer kept to go back to: its (thread 'poller'|thread|alarm|process) .*would go on"
    assert re.search(told, given.server.log)
    given.serve("A")
    given.only_from("A")
    assert given.pid() != first


async def goes_on(folder: Path, init: str, **variables: str) -> str:
    imports = "import _thread, signal, time\nfrom concurrent.futures import ThreadPoolExecutor\n"
    imports += "from subprocess import Popen\nfrom threading import Thread, Timer\n"
    script = f"{imports}def init():\n    global pool\n    {init}\ndef run(data): ...\n"
    environment = {**write_script(folder, script), "LOCALMODEL_PYTHON": sys.executable, **variables}
    pool = await Pool.start(read_settings(environment))
    try:
        return await pool.background()
    finally:
        await pool.close()


@pytest.mark.parametrize("what", IDLE)
async def test_who_is_idle_can_be_kept(tmp_path: Path, what: str) -> None:
    assert await goes_on(tmp_path, IDLE[what]) == ""


@pytest.mark.parametrize("init", BUSY)
async def test_what_is_at_work_is_told(tmp_path: Path, init: str) -> None:
    assert (await goes_on(tmp_path, init)).startswith(BUSY[init])
