"""The next revision's workers are forked from a process that has their packages, unless that makes a difference."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from pathlib import Path

import pytest
from support.server.scoring_server_process import RevisionFile, ScoringServer, eventually, is_alive

SCRIPT = """
import os
{code}

def init():
    pass


def run(data):
    return {{"name": {name!r}, "value": {value}}}
"""


class Deployment:
    """A server, its revision file and what it was last given."""

    def __init__(self, server: ScoringServer, revision: RevisionFile) -> None:
        self.server = server
        self.revision = revision
        self.loaded = ""

    def update(self, name: str, script: str, **variables: str) -> str:
        """Bring a revision into service; returns how its workers were started: ``fork``, or ``spawn: why``."""
        self.revision.write(name, script, **variables)
        self.server.signal_reload()
        eventually(lambda: self.revision.status.get("wanted") == name, self.server)
        status = self.revision.status
        assert status["serving"] == name, self.server.log
        self.loaded = self._told(name)
        assert self.loaded.partition(":")[0] == status["how"]
        return self.loaded

    def _told(self, name: str) -> str:
        found: list[str] = []

        def told() -> bool:
            found[:] = re.findall(rf"revision '{name}' is loaded \((.*)\)\n", self.server.log)
            return bool(found)

        eventually(told, self.server)
        return found[-1]


def script(name: str, code: str = "", value: str = "None") -> str:
    return SCRIPT.format(name=name, code=code, value=value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def start(folder: Path, first: str, variables: dict[str, str] | None = None, **own: str) -> Deployment:
    revision = RevisionFile(folder)
    revision.write("r0", first, **own)
    server = ScoringServer(folder, variables or {}, *revision.arguments)
    return Deployment(server, revision)


def test_an_edit_is_forked_and_said_to_be(folder: Path) -> None:
    given = start(folder, script("r0", "import decimal", "os.getpid()"))
    with given.server as server:
        server.wait_until_ready("r0").wait_until_warm()
        first = server.score({}).json["value"]
        assert given.update("r1", script("r1", "import decimal", "os.getpid()")) == "fork"
        answer = server.score({}).json
        assert answer["name"] == "r1"
        eventually(lambda: not is_alive(first), server)
        eventually(lambda: server.worker_pids() == [answer["value"]] and len(server.warm_parents()) == 1, server)


HIDDEN = """
import sys, logging, signal, threading, random, faulthandler
STATE = {
    "argv": sys.argv,
    "path": sys.path,
    "cwd": os.getcwd(),
    "main": sys.modules["__main__"].__file__,
    "name": __name__,
    "handlers": [type(each).__name__ for each in logging.getLogger().handlers],
    "level": logging.getLogger().level,
    "signals": [str(signal.getsignal(number)) for number in sorted(signal.valid_signals())],
    "threads": threading.active_count(),
    "faulthandler": faulthandler.is_enabled(),
    "buffering": [sys.stdout.line_buffering, sys.stderr.line_buffering],
    "session": os.getsid(0) == os.getpid() == os.getpgrp(),
    "environment": {name: value for name, value in os.environ.items() if name != "_"},
    "descriptors": len(os.listdir("/proc/self/fd")),
    "nice": os.nice(0),
    "policy": os.sched_getscheduler(0),
    "parent": os.getppid(),
    "umask": os.umask(0o22),
    "user modules": sorted(name for name in sys.modules if "part" in name and "localmodel" not in name),
    "comm": open("/proc/self/comm").read(),
    "wakeup": signal.set_wakeup_fd(-1),
    "stdin": os.readlink("/proc/self/fd/0"),
}
"""


def test_what_serves_is_what_a_restart_would_serve(folder: Path) -> None:
    """Everything that a script can see of its process is as in one of its own."""
    relative = {"AML_APP_ROOT": "r1"}  # counted from the server's folder
    given = start(folder, script("r0", "import logging, signal, threading, random, faulthandler"))
    (folder / "r0" / "old_part.py").write_text("")
    with given.server as server:
        server.wait_until_ready("r0").wait_until_warm()
        assert given.update("r1", script("r1", HIDDEN, "STATE"), GREETING="hello", **relative) == "fork"
        forked = server.score({}).json["value"]
    again = start(folder, script("r0"))
    again.revision.write("r1", script("r1", HIDDEN, "STATE"), GREETING="hello", **relative)
    with again.server as server:
        server.wait_until_ready("r1")
        spawned = server.score({}).json["value"]
        assert spawned.pop("parent") == server.process.pid
    assert forked.pop("parent") == given.server.process.pid
    assert forked == spawned


def test_modules_of_the_revision_before_are_not_there(folder: Path) -> None:
    given = start(folder, script("r0", "import part, decimal", "part.VALUE"))
    (folder / "r0").mkdir(exist_ok=True)
    (folder / "r0" / "part.py").write_text("VALUE = 'old'\n")
    with given.server as server:
        server.wait_until_ready("r0").wait_until_warm()
        (folder / "r1").mkdir()
        (folder / "r1" / "part.py").write_text("VALUE = 'new'\n")
        assert given.update("r1", script("r1", "import part, decimal", "part.VALUE")) == "fork"
        assert server.score({}).json["value"] == "new"
        code = "import decimal, sys\nFOUND = [name for name in sys.modules if name.startswith(('part', 'score'))]"
        assert given.update("r2", script("r2", code, "FOUND")) == "fork"
        assert server.score({}).json["value"] == ["score"]


READS = "import decimal, locale, {module}"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A Python whose site-packages can be written to."""
    import venv

    place = tmp_path / "venv"
    venv.create(place, symlinks=True)
    (packages,) = place.glob("lib/python*/site-packages")
    package = packages / "reads.py"
    package.write_text("import os\nLEVEL = os.environ.get('LEVEL', 'none')\n")
    (packages / "lists.py").write_text("import os\nALL = {k: v for k, v in os.environ.items() if k.startswith('L_')}\n")
    (packages / "thread.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\n"
    )
    (packages / "sets.py").write_text("import os\nos.environ['SET'] = 'by import'\n")
    (packages / "logs.py").write_text("import logging\nlogging.basicConfig(level='DEBUG')\n")
    (packages / "prints.py").write_text("print('imported by', __name__)\n")
    return {"LOCALMODEL_PYTHON": str(place / "bin" / "python")}


def test_a_variable_that_an_import_has_read_gets_a_process_of_its_own(
    folder: Path, environment: dict[str, str]
) -> None:
    given = start(folder, script("r0", "import reads", "reads.LEVEL"), environment, LEVEL="1", OTHER="1")
    with given.server as server:
        server.wait_until_ready("r0").wait_until_warm()
        how = given.update("r1", script("r1", "import reads", "[reads.LEVEL, os.environ['OTHER']]"), LEVEL="1")
        assert how == "fork", "nobody has read OTHER"
        how = given.update("r2", script("r2", "import reads", "reads.LEVEL"), LEVEL="2")
        assert how.startswith("spawn")
        assert "LEVEL has changed, and is read when reads is imported" in given.loaded
        assert server.score({}).json["value"] == "2"
        server.wait_until_warm(2)
        assert given.update("r3", script("r3", "import reads", "reads.LEVEL"), LEVEL="2") == "fork"
        assert server.score({}).json["value"] == "2"
        # One that goes is another value, too.
        assert given.update("r4", script("r4", "import reads", "reads.LEVEL")).startswith("spawn")
        assert server.score({}).json["value"] == "none"


def test_variables_that_are_listed_or_set_by_imports(folder: Path, environment: dict[str, str]) -> None:
    code = "import lists, sets"
    given = start(folder, script("r0", code), environment, SET="mine", L_A="1")
    with given.server as server:
        server.wait_until_ready("r0").wait_until_warm()
        value = "[os.environ['SET'], lists.ALL, 'GONE' in os.environ]"
        assert given.update("r1", script("r1", code, value), SET="mine", L_A="1") == "fork"
        assert server.score({}).json["value"] == ["by import", {"L_A": "1"}, False]
        assert given.update("r2", script("r2", code, value), SET="mine", L_A="2").startswith("spawn")
        assert "L_A has changed, and may be read when lists is imported" in given.loaded
        assert server.score({}).json["value"] == ["by import", {"L_A": "2"}, False]


def test_what_a_script_sets_for_the_packages_below_reaches_them(folder: Path, environment: dict[str, str]) -> None:
    given = start(folder, script("r0", "import reads", "reads.LEVEL"), environment)
    with given.server as server:
        server.wait_until_ready("r0").wait_until_warm()
        code = "os.environ['LEVEL'] = 'set by the script'\nimport reads"
        assert given.update("r1", script("r1", code, "reads.LEVEL")).startswith("spawn")
        assert "the script sets LEVEL, which is read when reads is imported" in given.loaded
        assert server.score({}).json["value"] == "set by the script"
        code = "os.environ['ANOTHER'] = 'x'\nimport reads"
        assert given.update("r2", script("r2", code, "reads.LEVEL")) == "fork"


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "PYTHONOPTIMIZE", "LD_LIBRARY_PATH", "TZ"])
def test_variables_that_count_from_the_start(folder: Path, name: str) -> None:
    given = start(folder, script("r0", value=f"os.environ[{name!r}]"), **{name: "1"})
    with given.server as server:
        server.wait_until_ready("r0").wait_until_warm()
        assert given.update("r1", script("r1", value=f"os.environ[{name!r}]"), **{name: "2"}).startswith("spawn")
        assert f"{name} has changed" in given.loaded
        assert server.score({}).json["value"] == "2"


def test_a_package_that_starts_a_thread_is_not_forked(folder: Path, environment: dict[str, str]) -> None:
    given = start(folder, script("r0", "import thread"), environment)
    with given.server as server:
        server.wait_until_ready("r0")
        assert (len(server.warm_parents()), server.worker_pids()) == (1, []), "the parent is the worker"
        code = "import thread, threading"
        assert given.update("r1", script("r1", code, "threading.active_count()")).startswith("spawn")
        assert "a thread runs since the packages were imported" in given.loaded
        assert server.score({}).json["value"] == 3  # with the one that watches the server


def test_logging_that_comes_before_the_packages(folder: Path, environment: dict[str, str]) -> None:
    given = start(folder, script("r0", "import logs"), environment)
    with given.server as server:
        server.wait_until_ready("r0")
        assert given.update("r1", script("r1", "import logs")).startswith("spawn")
        assert "set up logging" in given.loaded
    (folder / "r1" / "logging.json").write_text('{"version": 1}')
    given = start(folder, script("r0"))
    with given.server as server:
        server.wait_until_ready("r0").wait_until_warm()
        assert given.update("r1", script("r1")).startswith("spawn")
        assert "logging.json" in given.loaded


def test_users_modules_win_over_packages(folder: Path, environment: dict[str, str]) -> None:
    given = start(folder, script("r0", "import reads", "reads.LEVEL"), environment)
    with given.server as server:
        server.wait_until_ready("r0").wait_until_warm()
        (folder / "r1").mkdir()
        (folder / "r1" / "reads.py").write_text("LEVEL = 'my own'\n")
        assert given.update("r1", script("r1", "import reads", "reads.LEVEL")).startswith("spawn")
        assert "reads.py takes the place of an installed package" in given.loaded
        assert server.score({}).json["value"] == "my own"
        server.wait_until_warm(2)
        (folder / "r2" / "lib").mkdir(parents=True)
        (folder / "r2" / "lib" / "reads.py").write_text("LEVEL = 'vendored'\n")
        code = "import sys\nsys.path.insert(0, os.path.join(os.path.dirname(__file__), 'lib'))\nimport reads"
        given.update("r2", script("r2", code, "reads.LEVEL"))
        assert server.score({}).json["value"] == "vendored"


def test_an_import_that_is_taken_out_is_out(folder: Path) -> None:
    """Else the script could go on using what it no longer imports, until the next restart."""
    given = start(folder, script("r0", "import xml\nimport xml.dom.minidom", "str(xml.dom.minidom)"))
    with given.server as server:
        server.wait_until_ready("r0").wait_until_warm()
        given.revision.write("r1", script("r1", "import xml", "1") + "xml.dom.minidom\n")
        server.signal_reload()
        eventually(lambda: given.revision.status["wanted"] == "r1", server)
        assert "has no attribute 'dom'" in given.revision.status["error"]
        assert server.score({}).json["name"] == "r0"


def test_an_upgraded_package_is_the_one_that_serves(folder: Path, environment: dict[str, str]) -> None:
    (packages,) = (folder / "venv").glob("lib/python*/site-packages")
    (packages / "reads-1.dist-info").mkdir()
    given = start(folder, script("r0", "import reads", "reads.LEVEL"), environment)
    with given.server as server:
        server.wait_until_ready("r0").wait_until_warm()
        (packages / "reads-1.dist-info").rename(packages / "reads-2.dist-info")
        (packages / "reads.py").write_text("LEVEL = 'version 2'\n")
        assert given.update("r1", script("r1", "import reads", "reads.LEVEL")).startswith("spawn")
        assert server.score({}).json["value"] == "version 2"


def test_packages_print_once(folder: Path, environment: dict[str, str]) -> None:
    given = start(folder, script("r0", "import prints"), environment)
    with given.server as server:
        server.wait_until_ready("r0").wait_until_warm()
        assert given.update("r1", script("r1", "import prints\nprint('r1 loads')")) == "fork"
        assert server.log.count("imported by prints") == 1
        assert server.log.count("r1 loads") == 1


def test_forked_workers_have_random_numbers_of_their_own(folder: Path) -> None:
    code = "import random, numpy, numpy.random"
    value = "[random.random(), float(numpy.random.random()), os.urandom(4).hex()]"
    given = start(folder, script("r0", code), {"LOCALMODEL_PYTHON": sys.executable}, WORKER_COUNT="2")
    with given.server as server:
        server.wait_until_ready("r0").wait_until_warm()
        drawn = [number for _ in range(2) for number in server.score({}).json["value"] or []]
        for name in ("r1", "r2"):
            assert given.update(name, script(name, code, value), WORKER_COUNT="2") == "fork"
            drawn += [number for _ in range(4) for number in server.score({}).json["value"]]
        assert len(set(drawn)) == len(drawn)


IN_A_FORK = "open('/proc/self/comm').read() and '--warm' in open('/proc/self/cmdline').read()"


def test_what_hangs_only_in_a_fork_is_served_by_a_process_of_its_own(folder: Path) -> None:
    hangs = f"import time\ndef init():\n    time.sleep(1000 if {IN_A_FORK} else 0)\ndef run(data): return 1\n"
    given = start(folder, script("r0"))
    with given.server as server:
        server.wait_until_ready("r0").wait_until_warm()
        assert given.update("r1", hangs).startswith("spawn")
        assert "had not loaded after" in given.loaded
        eventually(lambda: server.warm_parents() == [], server)
        assert given.update("r2", hangs).startswith("spawn")
        assert server.log.count("no more workers are forked") == 1, "it is remembered"


def test_what_dies_only_in_a_fork_is_served_by_a_process_of_its_own(folder: Path) -> None:
    dies = f"import os\ndef init():\n    {IN_A_FORK} and os.abort()\ndef run(data): return {{'name': 1}}\n"
    given = start(folder, script("r0"))
    with given.server as server:
        server.wait_until_ready("r0").wait_until_warm()
        assert given.update("r1", dies).startswith("spawn")
        assert "SIGABRT" in given.loaded


def test_a_first_request_that_hangs_ends_the_forks(folder: Path) -> None:
    hangs = f"import time\ndef init(): pass\ndef run(data):\n    time.sleep(9 if {IN_A_FORK} else 0)\n    return 'r1'\n"
    given = start(folder, script("r0"))
    with given.server as server:
        server.wait_until_ready("r0").wait_until_warm()
        assert given.update("r1", hangs, SCORING_TIMEOUT_MS="1500") == "fork"
        assert server.score({}).status == 500
        eventually(lambda: server.get("/readyz").status == 200, server)
        assert server.score({}).json == "r1"
        assert given.update("r2", script("r2")).startswith("spawn")


def test_an_error_of_the_script_is_told_at_once_and_once(folder: Path) -> None:
    given = start(folder, script("r0"))
    with given.server as server:
        server.wait_until_ready("r0").wait_until_warm()
        given.revision.write("r1", "def init():\n    print('init of r1')\n    1 / 0\ndef run(data): ...\n")
        server.signal_reload()
        eventually(lambda: given.revision.status["wanted"] == "r1", server)
        assert given.revision.status["error"] == "init() failed: score.py:3: ZeroDivisionError: division by zero"
        assert "localmodel_worker" not in given.revision.status["traceback"]
        assert server.log.count("init of r1") == 1
        assert server.score({}).json["name"] == "r0"


def test_a_killed_worker_is_replaced_by_a_fork(folder: Path) -> None:
    given = start(folder, script("r0", value="os.getpid()"))
    with given.server as server:
        server.wait_until_ready("r0").wait_until_warm()
        for _ in range(3):
            pid = server.score({}).json["value"]
            os.kill(pid, signal.SIGKILL)
            eventually(lambda pid=pid: server.worker_pids() not in ([], [pid]), server)  # type: ignore[misc]
            eventually(lambda: server.get("/readyz").status == 200, server)
            (worker,) = server.worker_pids()
            assert "--warm" in Path(f"/proc/{worker}/cmdline").read_text()
            assert server.score({}).json["value"] == worker


def test_the_warm_parent_may_be_killed(folder: Path) -> None:
    given = start(folder, script("r0"))
    with given.server as server:
        server.wait_until_ready("r0").wait_until_warm()
        assert given.update("r1", script("r1")) == "fork"
        eventually(lambda: len(server.worker_pids()) == len(server.warm_parents()) == 1, server)
        (worker,), (parent,) = server.worker_pids(), server.warm_parents()
        os.kill(parent, signal.SIGKILL)
        eventually(lambda: "the warm parent has ended" in server.log, server)
        assert server.score({}).json["name"] == "r1"
        assert worker in server.worker_pids(), "a forked worker outlives its parent"
        server.wait_until_warm(2)
        assert given.update("r2", script("r2")) == "fork"


def test_nothing_is_left_when_the_server_is_killed(folder: Path) -> None:
    stuck = "def init(): pass\ndef run(data):\n    import re\n    re.match('(a+)+b', 'a' * 60)\n"  # keeps the GIL
    given = start(folder, script("r0"))
    with given.server as server:
        server.wait_until_ready("r0").wait_until_warm()
        assert given.update("r1", stuck) == "fork"
        processes = server.worker_pids() + server.warm_parents()
        connection = server.connect()
        connection.request("POST", "/score", "{}")
        server.wait_until_asked(1)
        server.signal(signal.SIGKILL)
        eventually(lambda: not any(is_alive(pid) for pid in processes))


def test_nothing_is_left_when_the_server_stops(folder: Path) -> None:
    atexit = "import atexit\natexit.register(print, 'the end of the worker', flush=True)"
    given = start(folder, script("r0"))
    with given.server as server:
        server.wait_until_ready("r0").wait_until_warm()
        assert given.update("r1", script("r1", atexit)) == "fork"
        processes = server.worker_pids() + server.warm_parents()
        server.signal(signal.SIGTERM)
        assert server.wait_for_end() == 0
        assert not any(is_alive(pid) for pid in processes)
        assert server.log.count("the end of the worker") == 1


def test_processes_of_the_script_leave_no_zombies(folder: Path) -> None:
    starts = "import subprocess\nCHILD = subprocess.Popen(['sleep', '1000'])"
    given = start(folder, script("r0", starts, "CHILD.pid"))
    with given.server as server:
        server.wait_until_ready("r0").wait_until_warm()
        left = server.score({}).json["value"]
        given.update("r1", script("r1"))
        eventually(lambda: not Path(f"/proc/{left}").exists(), server)


def test_a_debugger_gets_a_process_of_its_own(folder: Path) -> None:
    given = start(folder, script("r0"))
    with given.server as server:
        server.wait_until_ready("r0").wait_until_warm()
        told = json.dumps({"listen": ["127.0.0.1", 0], "path": "/nowhere", "wait": False})
        given.revision.write("r1", script("r1"), LOCALMODEL_DEBUG=told)
        server.signal_reload()
        eventually(lambda: given.revision.status["wanted"] == "r1", server)
        assert "debugpy" in given.revision.status["error"]
