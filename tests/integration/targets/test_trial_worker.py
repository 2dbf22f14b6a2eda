"""A worker without a server can be ended whatever its script does, and tells what run() failed with."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from threading import Thread

import pytest

from localmodel.trial.prepare import Trial
from localmodel.trial.worker import TrialWorker, WorkerDiedError

FORKS = """
import os, pathlib, time

def init():
    if (pid := os.fork()) == 0:
        time.sleep(120)
        os._exit(0)
    pathlib.Path(__file__).with_name("pid").write_text(str(pid))
    time.sleep(120)

def run(raw_data):
    return 1
"""


def worker_of(folder: Path, script: str) -> TrialWorker:
    (folder / "score.py").write_text(script)
    variables = {**os.environ, "AML_APP_ROOT": str(folder), "AZUREML_ENTRY_SCRIPT": "score.py"}
    return TrialWorker(Trial(Path(sys.executable), variables), unattended=True)


def test_a_script_that_has_forked_is_ended(tmp_path: Path) -> None:
    forked = tmp_path / "pid"

    def end() -> None:
        while not (forked.exists() and forked.read_text()):
            time.sleep(0.01)
        worker.kill()

    def load() -> None:
        with pytest.raises(WorkerDiedError):
            worker.load()

    with worker_of(tmp_path, FORKS) as worker:
        Thread(target=end, daemon=True).start()
        started = Thread(target=load, daemon=True)
        started.start()
        started.join(60)
        has_ended = not started.is_alive()
    os.kill(int(forked.read_text()), signal.SIGKILL)
    assert has_ended, "load() waits for the process that the script has forked"


def test_what_run_failed_with_is_told(tmp_path: Path) -> None:
    script = "def init():\n    pass\ndef run(raw_data):\n    raise KeyError('age')\n"
    with worker_of(tmp_path, script) as worker:
        worker.load()
        answer = worker.ask(1, b"{}")
    assert (answer.status, answer.error) == (500, "score.py:4: KeyError: 'age'")
