"""What a script leaves behind ends with its worker, and what it does to stderr hides no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.server.scoring_server_process import RevisionFile, ScoringServer, eventually, is_alive

from localmodel_server.workers import orphans
from localmodel_server.workers.orphans import end_orphans, has_started

SCRIPT = """
import json
import logging
import os
import subprocess
import sys
import time


def init():
    pass


def daemon():
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(write, str(os.getpid()).encode())
            time.sleep(300)
        os._exit(0)
    os.wait()
    return int(os.read(read, 20))


def shell(command, **options):
    return int(subprocess.run(["sh", "-c", command + " >/dev/null 2>&1 & echo $!"], stdout=-1, **options).stdout)


def run(raw_data):
    do = json.loads(raw_data)
    if do == "start":
        time.sleep(0.5)  # so that another worker gets the next request
        return [
            os.getpid(),
            subprocess.Popen(["sleep", "300"]).pid,
            subprocess.Popen(["sleep", "300"], start_new_session=True, env={}, close_fds=True).pid,
            shell("setsid sleep 300"),
            shell("sleep 300", env={"PATH": os.environ["PATH"]}, start_new_session=True),
            daemon(),
        ]
    if do == "close":
        os.close(2)
        open("/dev/null")  # gets the number
    if do == "None":
        sys.stderr = None
    if do == "replace":
        sys.stderr = open("/dev/null", "w")
        logging.getLogger().handlers[:] = []
    if do == "redirect":
        os.dup2(os.open("/dev/null", os.O_WRONLY), 2)
    if do == "hang":
        time.sleep(60)
    raise ValueError("told after " + do)
"""
MODES = ["spawn", "preload", "fork"]


@contextmanager
def _serving(folder: Path, mode: str, **variables: str) -> Iterator[ScoringServer]:
    file = RevisionFile(folder)
    variables.update({"preload": {"WORKER_PRELOAD": "true"}}.get(mode, {}))
    file.write("1", SCRIPT, **variables)
    with ScoringServer(folder, {}, *file.arguments) as server:
        server.wait_until_ready("1")
        if mode == "fork":
            server.wait_until_warm()
            file.write("2", SCRIPT, **variables)
            server.signal_reload()
            server.wait_until_ready("2")
            eventually(lambda: "revision '2' is loaded (fork" in server.log, server)
        yield server


def _all_ended(pids: list[int], server: ScoringServer) -> None:
    eventually(lambda: not any(map(is_alive, pids)), server)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is the process group that ends")
@pytest.mark.parametrize("mode", MODES)
def test_what_a_script_has_started_ends_with_its_worker(tmp_path: Path, mode: str) -> None:
    with _serving(tmp_path, mode, WORKER_COUNT="2") as server:
        with ThreadPoolExecutor(2) as threads:
            theirs, others = threads.map(lambda _: server.score("start").json, range(2))
        assert theirs[0] != others[0], "each asked another worker"
        assert all(map(is_alive, theirs + others))
        os.kill(theirs[0], signal.SIGKILL)
        _all_ended(theirs, server)
        assert all(map(is_alive, others))
        server.signal(signal.SIGTERM)
        assert server.process.wait() == 0
        _all_ended(others, server)


@pytest.mark.parametrize("mode", MODES)
def test_tracebacks_are_logged_whatever_a_script_does_to_stderr(tmp_path: Path, mode: str) -> None:
    with _serving(tmp_path, mode, SCORING_TIMEOUT_MS="2000") as server:
        for do in ("close", "None", "replace", "redirect", "again"):
            reply = server.request("POST", "/score", f'"{do}"'.encode(), {"x-request-id": f"id-{do}"})
            assert "the log has the traceback under this x-request-id" in reply.message
            assert f"request id-{do}: run() failed\nTraceback" in server.log
            assert f"ValueError: told after {do}" in server.log
        assert server.score("hang").status == 500
        eventually(lambda: "most recent call first" in server.log and " in run" in server.log, server)


def test_a_process_of_a_container_is_never_taken_for_one_of_here() -> None:
    """The number in its mark is that of a process in the container."""
    worker = 3_999_999  # beyond what any of this machine's processes is called
    mark = (
        f"import resource, time; resource.setrlimit(15, ({(1 << 48) + worker}, -1)); print(flush=True); time.sleep(60)"
    )
    for container, ends in (["unshare", "--pid", "--fork", "--kill-child"], False), ([], True):
        command = [*container, sys.executable, "-c", mark]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            if process.stdout is None or not process.stdout.readline():
                pytest.skip("this user may not make pid namespaces")
            end_orphans(worker)
            time.sleep(0.2)
            assert (process.poll() is not None) is ends
            process.kill()


@pytest.mark.parametrize("listed", ["_listed", "_told_by_ps"])
def test_without_marks_the_group_tells_what_a_worker_has_started(monkeypatch: pytest.MonkeyPatch, listed: str) -> None:
    monkeypatch.setattr(orphans, "_listed", getattr(orphans, listed))
    command = ["sh", "-c", "sleep 0 & sleep 300 & echo $!; read line; kill $!; exec sleep 300"]
    worker = subprocess.Popen(command, stdin=-1, stdout=-1, text=True, start_new_session=True)
    assert worker.stdin is not None
    assert worker.stdout is not None
    try:
        child = int(worker.stdout.readline())
        eventually(lambda: has_started(worker.pid) == child)  # the other one has ended
        worker.stdin.write("\n")
        worker.stdin.flush()
        eventually(lambda: has_started(worker.pid) == 0)
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.communicate()
