"""What the benchmarks on kind share: commands, a namespace of their own, the sample with an edited answer."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "manifests" / "samples" / "sklearn-mnist"
MODEL = SAMPLE / "sklearn_mnist_model.pkl"

_ANSWER = "return model.predict(pictures).tolist()"
_ANSWERS_WITHIN = 120.0  # seconds


@dataclass(frozen=True)
class Round:
    """One edit: seconds until the new answer, and bytes sent to all nodes together."""

    seconds: float
    sent: int

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s, {self.sent:,} bytes"


class Site:
    """A kind cluster, and a namespace in it that one run has for itself."""

    def __init__(self, context: str) -> None:
        self.context = context
        self.cluster = context.removeprefix("kind-")
        self.namespace = f"bench-update-{os.getpid()}"
        self.nodes = run("kind", "get", "nodes", "--name", self.cluster).split()
        self._edits = 0

    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        """Run kubectl in the namespace, with `text` on its standard input."""
        return run("kubectl", "--context", self.context, "-n", self.namespace, *arguments, text=text)

    def get(self, *arguments: str) -> Any:
        """What `kubectl get` finds."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def write_score(self, folder: Path) -> int:
        """Write a score.py that no image holds yet into the folder; returns what it will answer."""
        self._edits += 1
        text = (SAMPLE / "score.py").read_text()
        if _ANSWER not in text:
            raise SystemExit(f"{SAMPLE}/score.py no longer has the line that is edited here: {_ANSWER}")
        changed = f'return {{"edit": {self._edits}, "digits": model.predict(pictures).tolist()}}'
        (folder / "score.py").write_text(text.replace(_ANSWER, changed))
        return self._edits


def run(*command: str, text: str | None = None) -> str:
    """Run a command; returns what it printed. If it fails, its words end the program."""
    done = subprocess.run(command, input=text, text=True, capture_output=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command[:6])} … failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def timed(action: Callable[[], None]) -> float:
    """Seconds that the action takes."""
    started = time.monotonic()
    action()
    return time.monotonic() - started


def wait_for_answer(port: int, edit: int) -> None:
    """Ask until this edit answers, each time on a new connection: a kept one may still lead to an old pod."""
    request, last = (SAMPLE / "request.json").read_bytes(), "no answer"
    deadline = time.monotonic() + _ANSWERS_WITHIN
    while time.monotonic() < deadline:
        try:
            answer = httpx.post(f"http://localhost:{port}/score", content=request, trust_env=False, timeout=5)
            if answer.status_code == 200 and answer.json().get("edit") == edit:
                return
            last = answer.text[:200]
        except httpx.HTTPError as error:
            last = repr(error)
        time.sleep(0.02)
    raise SystemExit(f"port {port} did not answer with edit {edit}: {last}")
