"""lmd dev as a user has it: a folder with a kustomization, the command beside it, and what it has said so far."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml
from support.lmd_command import LMD, PYTHON, Lmd, script

KUSTOMIZATION = {
    "resources": ["deployment.yaml"],
    "configMapGenerator": [{"name": "code", "files": ["score.py", "helper.py=lib/helper.py"]}],
}


def write_folder(lmd: Lmd) -> Path:
    """A deployment whose script answers 1, and a request for it."""
    folder = lmd.folder / "digits"
    (folder / "lib").mkdir(parents=True)
    (folder / "score.py").write_text(script("1"))
    (folder / "lib" / "helper.py").write_text("ANSWER = 10\n")
    (folder / "request.json").write_text('{"data": [1]}')
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(KUSTOMIZATION))
    spec = {
        "scoring": {"entryScript": "score.py", "source": {"configMap": {"name": "code"}}},
        "environment": {"python": PYTHON},
        "service": {"localPort": lmd.port},
    }
    write_deployment(folder, spec)
    return folder


def write_deployment(folder: Path, spec: object) -> None:
    content = {
        "apiVersion": "localmodel.dev/v1alpha1",
        "kind": "LocalModelDeployment",
        "metadata": {"name": "digits"},
        "spec": spec,
    }
    (folder / "deployment.yaml").write_text(yaml.safe_dump(content))


class Dev:
    """The running command. What it says is read by a thread, so that it never waits for the test."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: list[str] = []
        self._read = 0
        self._reader = threading.Thread(target=self._collect)
        self._reader.start()

    def says(self, *texts: str, seconds: float = 60) -> str:
        """Wait until all the texts have been said since the last call; returns what was said."""
        end = time.monotonic() + seconds
        while True:
            goes_on = time.monotonic() < end and self._reader.is_alive()
            said = "".join(self._lines[self._read :])
            if all(text in said for text in texts):
                self._read += said.count("\n")
                return said
            assert goes_on, f"not said: {texts}; but: {said}"
            time.sleep(0.01)

    def is_silent(self, seconds: float = 0.8) -> bool:
        """Whether it says nothing for so long."""
        time.sleep(seconds)
        return "".join(self._lines[self._read :]) == ""

    def end(self, number: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """Exit code, and all that was said and not waited for."""
        self._process.send_signal(number)
        code = self._process.wait(60)
        self._reader.join()
        return code, "".join(self._lines[self._read :])

    def _collect(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.append(line)


@contextmanager
def running(lmd: Lmd, *arguments: str | Path) -> Iterator[Dev]:
    """The command, until the block ends."""
    command: Sequence[str] = [LMD, "dev", *map(str, arguments)]
    environment = {**os.environ, "LOCALMODEL_HOME": str(lmd.home)}
    with subprocess.Popen(
        command, env=environment, cwd=lmd.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        dev = Dev(process)
        try:
            yield dev
        finally:
            if process.poll() is None:
                dev.end(signal.SIGTERM)
