"""What run() can do to its worker: one defined answer each, and nobody else notices."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.server.scoring_server_process import ScoringServer, eventually, is_alive, write_script

SCRIPT = """
import ctypes
import json
import os
import re
import resource
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

kept = []


def init():
    pass


def descriptors():
    found = []
    for number in range(100):
        try:
            found.append((number, stat.S_ISSOCK(os.fstat(number).st_mode)))
        except OSError:
            pass
    return found


def raise_exit():
    raise SystemExit(3)


def die_after_answer():
    frames = lambda: sys._current_frames()[threading.main_thread().ident]
    while frames().f_code.co_name != "receive":
        pass
    os._exit(1)


def deep(level=0):
    return deep(level + 1) + 1


class Odd(Exception):
    def __str__(self):
        raise ValueError("no text")


class Evil:
    def tolist(self):
        return self

    def __repr__(self):
        os._exit(9)


def run(raw_data):
    do = json.loads(raw_data).get("do")
    if do == "pid":
        return os.getpid()
    if do == "exit":
        sys.exit(0)
    if do == "exit with a thread that stays":
        threading.Thread(target=time.sleep, args=(60,)).start()
        sys.exit(0)
    if do == "interrupt":
        raise KeyboardInterrupt
    if do == "_exit":
        os._exit(0)
    if do == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if do == "terminate":
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    if do == "kill the group":
        os.killpg(os.getpgrp(), signal.SIGKILL)
    if do == "segfault":
        ctypes.string_at(0)
    if do == "abort":
        os.abort()
    if do == "overflow the stack":
        deep()
    if do == "overflow the stack of C":
        sys.setrecursionlimit(10**8)
        deep()
    if do == "loop":
        while True:
            pass
    if do == "loop that catches all":
        while True:
            try:
                time.sleep(1)
            except BaseException:
                pass
    if do == "regex":
        re.match(r"(a+)+$", "a" * 40 + "b")
    if do == "deadlock":
        lock = threading.Lock()
        lock.acquire()
        lock.acquire()
    if do == "ignore signals":
        for number in range(1, 64):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        while True:
            pass
    if do == "fork":
        return {"child": os.fork()}
    if do == "fork and raise":
        if os.fork() == 0:
            raise ValueError("in the child")
        return {}
    if do == "leave a child":
        return {"child": subprocess.Popen(["sleep", "60"]).pid}
    if do == "leave a child in a session of its own, and die":
        subprocess.Popen(["sleep", "3"], start_new_session=True, close_fds=False)
        os._exit(4)
    if do == "close stdout":
        sys.stdout.close()
        sys.stderr.close()
    if do == "replace stdout":
        sys.stdout = sys.stderr = None
        print("nowhere")
    if do == "odd stdout":
        sys.stdout = sys.stderr = object()
    if do == "close the first descriptors":
        for number in range(3):
            os.close(number)
    if do == "print":
        for _ in range(1000):
            print("garbage \\x00\\x1b[2J\\u2603" * 100)
            print({"answers": [[200, 1, False, 2, None]]}, file=sys.stderr)
    if do == "write to stdout":
        os.write(1, b"\\xff\\xfe" * 1000)
        return {}
    if do == "write to every descriptor":
        for number, _ in descriptors():
            os.write(number, b"garbage, garbage, garbage")
        return {}
    if do == "write a frame":
        for number, is_socket in descriptors():
            if is_socket:
                os.write(number, b"\\x02\\x00\\x00\\x00" + bytes(8) + b"{}")
        return {}
    if do == "write the start of a frame":
        for number, is_socket in descriptors():
            if is_socket:
                os.write(number, b"\\x02\\x00\\x00\\x00" + b"\\xff" * 8 + b"{}")
        return {}
    if do == "close every descriptor":
        for number, _ in descriptors():
            os.close(number)
        return {}
    if do == "shut the socket":
        for number, is_socket in descriptors():
            if is_socket:
                socket.socket(fileno=os.dup(number)).shutdown(socket.SHUT_RDWR)
        return {}
    if do == "read from the socket":
        for number, is_socket in descriptors():
            if is_socket:
                os.read(number, 1)
    if do == "exit in a thread":
        thread = threading.Thread(target=raise_exit)
        thread.start()
        thread.join()
    if do == "raise in a thread":
        thread = threading.Thread(target=int, args=("x",))
        thread.start()
        thread.join()
    if do == "leave threads":
        for _ in range(20):
            threading.Thread(target=time.sleep, args=(60,)).start()
    if do == "die after the answer":
        threading.Thread(target=die_after_answer).start()
    if do == "an exception without a text":
        raise Odd
    if do == "an evil result":
        return Evil()
    if do == "no json":
        return {1j, object}
    if do == "keys":
        return {("a", 1): 2}
    if do == "circle":
        kept.append(kept)
        return kept
    if do == "deep":
        result = []
        for _ in range(100_000):
            result = [result]
        return result
    if do == "surrogate":
        return "\\ud800"
    if do == "bytes":
        return b"\\xff"
    if do == "memory":
        resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
        kept.append(bytearray(2**31))
    if do == "grow":
        # A limit that is near, so that reaching it takes a busy machine no time, either.
        size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + 2**26, size + 2**26))
        while True:
            kept.append(bytearray(2**20))
    if do == "change folder":
        os.chdir("/")
    if do == "no environment":
        os.environ.clear()
        sys.path.clear()
    if do == "no modules":
        sys.modules.clear()
    if do == "no json module":
        json.dumps = json.loads = json.JSONEncoder.encode = None
    if do == "megabytes":
        return "x" * (50 << 20)
    if do == "rows":
        return [[number] for number in range(1_000_000)]
    return {}
"""
FINE = 200
DIED = 500
STUCK = "run() took longer than 2000 ms"
ACTIONS = {
    "exit": (DIED, "run() failed"),
    "exit with a thread that stays": (DIED, "run() failed"),
    "interrupt": (DIED, "run() failed"),
    "_exit": (DIED, "the worker process died (exit code 0)"),
    "kill": (DIED, "the worker process died (SIGKILL)"),
    "terminate": (DIED, "the worker process died (SIGTERM)"),
    "kill the group": (DIED, "the worker process died (SIGKILL)"),
    "segfault": (DIED, "the worker process died (SIGSEGV)"),
    "abort": (DIED, "the worker process died (SIGABRT)"),
    "overflow the stack": (DIED, "run() failed"),
    "overflow the stack of C": (DIED, ""),
    "loop": (DIED, STUCK),
    "loop that catches all": (DIED, STUCK),
    "regex": (DIED, STUCK),
    "deadlock": (DIED, STUCK),
    "ignore signals": (DIED, STUCK),
    "fork": (FINE, ""),
    "fork and raise": (FINE, ""),
    "leave a child": (FINE, ""),
    "leave a child in a session of its own, and die": (DIED, "the worker process died (exit code 4)"),
    "close stdout": (FINE, ""),
    "replace stdout": (FINE, ""),
    "odd stdout": (FINE, ""),
    "close the first descriptors": (FINE, ""),
    "print": (FINE, ""),
    "write to stdout": (FINE, ""),
    "write to every descriptor": (DIED, "not an answer"),
    "write a frame": (DIED, "not an answer"),
    "write the start of a frame": (DIED, STUCK),
    "close every descriptor": (DIED, "the worker process died"),
    "shut the socket": (DIED, "the worker process died"),
    "exit in a thread": (FINE, ""),
    "raise in a thread": (FINE, ""),
    "leave threads": (FINE, ""),
    "die after the answer": (FINE, ""),
    "an exception without a text": (DIED, "run() failed"),
    "an evil result": (DIED, ""),
    "no json": (DIED, "cannot be written as JSON"),
    "keys": (DIED, "cannot be written as JSON"),
    "circle": (DIED, "cannot be written as JSON"),
    "deep": (DIED, "cannot be written as JSON"),
    "surrogate": (FINE, ""),
    "bytes": (DIED, "cannot be written as JSON"),
    "memory": (DIED, "run() failed"),
    "grow": (DIED, "run() failed"),
    "change folder": (FINE, ""),
    "no environment": (FINE, ""),
    "no modules": (FINE, ""),
    "no json module": (DIED, ""),
    "megabytes": (FINE, ""),
    "rows": (FINE, ""),
}


class GoodClient:
    """Asks all the time, and counts what it is answered."""

    def __init__(self, server: ScoringServer) -> None:
        self.statuses: Counter[object] = Counter()
        self._server = server
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._stop.is_set():
            try:
                self.statuses[self._server.score({}).status] += 1
            except (OSError, http.client.HTTPException) as error:
                self.statuses[repr(error)] += 1
            time.sleep(0.005)


@contextlib.contextmanager
def serving(folder: Path, **variables: str) -> Iterator[ScoringServer]:
    with ScoringServer(folder, {**write_script(folder / "app", SCRIPT), "WORKER_COUNT": "2", **variables}) as server:
        yield server.wait_until_ready()
        workers = server.worker_pids()
        server.process.terminate()
        assert server.wait_for_end() == 0
        assert not [pid for pid in workers if is_alive(pid)]
        assert not list((folder / "app").glob("core*"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoringServer]:
    with serving(tmp_path_factory.mktemp("scripts"), SCORING_TIMEOUT_MS="2000") as server:
        yield server


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoringServer]:
    """A server whose limit a script that ends by itself does not reach, however busy the machine is."""
    with serving(tmp_path_factory.mktemp("patient")) as server:
        yield server


@pytest.mark.parametrize("action", ACTIONS)
def test_one_answer_for_who_asked_and_none_the_worse_for_others(
    server: ScoringServer, patient: ScoringServer, action: str
) -> None:
    status, text = ACTIONS[action]
    if text != STUCK:
        server = patient
    request_id = "bad-" + action.replace(" ", "-")
    good = GoodClient(server)
    try:
        reply = server.score({"do": action}, {"x-request-id": request_id})
        time.sleep(0.2)
    finally:
        good.stop()
    assert reply.status == status, reply.body[:1000]
    if status == DIED:
        assert text in reply.message
        eventually(lambda: f"request {request_id}: " in server.log, server)
    else:
        assert json.loads(reply.body) is not None
    lost = good.statuses.total() - good.statuses[200]
    # A thread that has stayed behind may end the process in the middle of somebody else's request.
    assert lost <= (1 if action == "die after the answer" else 0), good.statuses
    assert server.get("/readyz").status == 200
    renew_workers(server)


def renew_workers(server: ScoringServer) -> None:
    """Take away the workers that a script may have left in any state."""
    eventually(lambda: len(server.worker_pids()) == 2, server)
    old = server.worker_pids()
    for pid in old:
        with contextlib.suppress(ProcessLookupError):  # its script has ended it
            os.kill(pid, signal.SIGKILL)
    eventually(lambda: len(server.worker_pids()) == 2 and not set(old) & set(server.worker_pids()), server)
    eventually(lambda: server.score({}).status == 200, server)


def test_the_log_tells_where_a_request_was_stuck(server: ScoringServer) -> None:
    for action in ("regex", "loop"):
        before = len(server.log)
        assert server.score({"do": action}, {"x-request-id": f"stuck-{action}"}).status == 500
        eventually(lambda before=before: "starting another" in server.log[before:])  # type: ignore[misc]
        told = server.log[before:]
        assert f"request stuck-{action}: run() took longer than 2000 ms" in told
        line = SCRIPT[: SCRIPT.index(f'do == "{action}"')].count("\n") + 1
        assert re.search(rf'score.py", line ({line + 1}|{line + 2}) in run', told), told


def test_a_worker_that_dies_loses_no_answer_that_it_has_given(server: ScoringServer) -> None:
    for _ in range(10):
        before = set(server.worker_pids())
        assert server.score({"do": "die after the answer"}).status == 200
        eventually(lambda before=before: len(set(server.worker_pids()) - before) == 1, server)  # type: ignore[misc]


def test_what_comes_behind_a_request_that_kills_its_worker_is_answered_by_another(tmp_path: Path) -> None:
    """A quick script gets its next request while it answers the one before."""
    script = SCRIPT.replace('do == "_exit":', 'do == "_exit":\n        time.sleep(0.1)')
    with ScoringServer(tmp_path, write_script(tmp_path / "app", script)) as server:
        server.wait_until_ready()
        for _ in range(20):
            assert server.score({}).status == 200
        statuses: Counter[int] = Counter()

        def ask(action: str) -> None:
            reply = server.score({"do": action})
            statuses[reply.status] += 1
            assert (reply.status == 500) == (action == "_exit"), reply

        for _ in range(3):
            threads = [threading.Thread(target=ask, args=("_exit" if n == 5 else "",)) for n in range(30)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert statuses == {200: 87, 500: 3}
