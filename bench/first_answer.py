#!/usr/bin/env python3
"""How long a model takes from a file to its first answer: `lmd apply`, `mlflow models serve`, `bentoml serve`.

All have the same scikit-learn model, and their packages installed before, in an environment of each, which is made in
the folder if it is not there ("install": pip, without a cache). "First" is the first time in a new home: ours makes
the model's environment then, the others use the one that they are in. "Again" is the same command a second time, after
what it has started was stopped. Seconds count from the command to the first right answer; rounds take turns, and
medians count.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SKLEARN = "scikit-learn==1.9.1"
PACKAGES = {"ours": [str(ROOT)], "mlflow": ["mlflow", SKLEARN], "bentoml": ["bentoml", SKLEARN]}
ROWS = [[0.0] * 64, [1.0] * 64]
TRAIN = """
import json, joblib, mlflow.sklearn
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
model = LogisticRegression(max_iter=50).fit(*load_digits(return_X_y=True))
joblib.dump(model, "digits.pkl")
mlflow.sklearn.save_model(model, "digits", pip_requirements=["scikit-learn"], serialization_format="cloudpickle")
print(json.dumps(model.predict(ROWS).tolist()))
"""
SERVICE = """
import bentoml
import joblib
import numpy as np


@bentoml.service
class Digits:
    def __init__(self) -> None:
        self.model = joblib.load("digits.pkl")

    @bentoml.api
    def predict(self, rows: list[list[float]]) -> list[int]:
        return self.model.predict(np.array(rows)).tolist()
"""


@dataclass(frozen=True)
class Way:
    """`command` ends when it serves if it is ours, and otherwise when it is ended."""

    name: str
    port: int
    command: tuple[str, ...]
    path: str
    body: dict[str, Any]
    answer: Callable[[Any], Any]
    stop: tuple[str, ...] = ()


def ways(port: int) -> list[Way]:
    apply = ("lmd", "apply", "digits.pkl", "--port", str(port))
    serve = ("mlflow", "models", "serve", "-m", "digits", "-p", str(port + 1), "--env-manager", "local")
    bento = ("bentoml", "serve", "service:Digits", "--port", str(port + 2))
    return [
        Way("ours", port, apply, "score", {"data": ROWS}, lambda answer: answer, ("lmd", "delete", "digits")),
        Way("mlflow", port + 1, serve, "invocations", {"inputs": ROWS}, lambda answer: answer["predictions"]),
        Way("bentoml", port + 2, bento, "predict", {"rows": ROWS}, lambda answer: answer),
    ]


class Site:
    """A folder with the environments, the model, and a home for ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {**os.environ, "LOCALMODEL_HOME": str(folder / "home"), "BENTOML_DO_NOT_TRACK": "True"}

    def program(self, way: str, name: str) -> Path:
        return self.folder / way / "bin" / name

    def install(self, way: str) -> float | None:
        """Seconds of pip; None if the environment was there."""
        if self.program(way, "python").exists():
            return None
        subprocess.run([sys.executable, "-m", "venv", self.folder / way], check=True)
        pip: list[str | Path] = [self.program(way, "python"), "-m", "pip", "install", "--quiet", "--no-cache-dir"]
        begin = time.monotonic()
        subprocess.run([*pip, *PACKAGES[way]], check=True)
        return time.monotonic() - begin

    def train(self) -> Any:
        """Save the model in both forms; returns what it answers."""
        shutil.rmtree(self.folder / "digits", ignore_errors=True)
        (self.folder / "service.py").write_text(SERVICE)
        command: list[str | Path] = [self.program("mlflow", "python"), "-c", f"ROWS = {ROWS}\n{TRAIN}"]
        return json.loads(subprocess.run(command, cwd=self.folder, check=True, capture_output=True).stdout)

    def seconds(self, way: Way, expected: Any) -> float:
        """From the command to the first right answer; what was started is stopped again."""
        begin = time.monotonic()
        process = self._start(way.name, way.command)
        try:
            while (answer := _ask(way)) is None:
                if time.monotonic() - begin > 300 or (process.poll() or 0) > 0:
                    raise SystemExit(f"{' '.join(way.command)} does not serve: see {self.folder / way.name}.log")
                time.sleep(0.02)
            took = time.monotonic() - begin
        finally:
            if not way.stop:
                os.killpg(process.pid, signal.SIGTERM)
            process.wait()
            if way.stop:
                self._start(way.name, way.stop).wait()
            while _ask(way) is not None:  # mlflow's server outlives its command, and would answer the next round
                time.sleep(0.1)
        if way.answer(answer) != expected:
            raise SystemExit(f"{way.name} answers {answer}, and the model {expected}")
        return took

    def _start(self, way: str, command: tuple[str, ...]) -> subprocess.Popen[bytes]:
        environ = {**self.environ, "PATH": f"{self.folder / way / 'bin'}:{os.environ['PATH']}"}
        with (self.folder / f"{way}.log").open("wb") as log:
            return subprocess.Popen(
                [self.program(way, command[0]), *command[1:]],
                cwd=self.folder,
                env=environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


def _ask(way: Way) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{way.port}/{way.path}", json.dumps(way.body).encode(), {"content-type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)
    except OSError:
        return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="Where the environments are kept. Default: a temporary folder.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--port", type=int, default=7500)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        site = Site((arguments.folder or Path(temporary)).absolute())
        site.folder.mkdir(exist_ok=True)
        for name in PACKAGES:
            took = site.install(name)
            print(f"{name}: {'installed before' if took is None else f'install {took:.1f} s'}")
        expected = site.train()
        first: dict[str, list[float]] = {}
        again: dict[str, list[float]] = {}
        for _ in range(arguments.rounds):
            shutil.rmtree(site.folder / "home", ignore_errors=True)
            for way in ways(arguments.port):
                first.setdefault(way.name, []).append(site.seconds(way, expected))
                again.setdefault(way.name, []).append(site.seconds(way, expected))
        for label, results in (("first", first), ("again", again)):
            for name, values in results.items():
                print(f"{label} {name}: {statistics.median(values):.1f} s ({', '.join(f'{v:.1f}' for v in values)})")
            for name in list(results)[1:]:
                ratio = statistics.median(results[name]) / statistics.median(results["ours"])
                print(f"ratio {name}/ours {label} {ratio:.2f}")


if __name__ == "__main__":
    main()
