"""Runs the parts of the test suite, in legs at once and the end-to-end tests after them: what hack/test does."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[1]
PYTHON = str(ROOT / ".venv" / "bin" / "python")
# Clusters of equal nodes, by their names and what they are made from: one for each process of the end-to-end tests.
CLUSTERS = {
    "localmodel-e2e": "hack/kind-two-nodes.yaml",
    "localmodel-e2e-second": "hack/kind-two-nodes-second.yaml",
}
# More failures than this are no accident: they are not run again.
MOST_AGAIN = 10
# How long an interrupted part may take to stop what its tests have started.
LAST_SECONDS = 60


@dataclass(frozen=True)
class Part:
    """A part of the suite: hack/lint, or a folder below tests/ and how pytest runs it."""

    name: str
    options: tuple[str, ...] = ()
    needs: str = ""  # one of NEEDS
    # Begins when the other legs have ended: a cluster keeps two cores busy by itself, and what its tests wait for comes
    # too late on cores that are shared.
    alone: bool = False
    # Real processes can be late on a busy machine: a test of theirs that fails is run once more, alone.
    again: bool = True


LEGS = (
    (
        Part("lint", again=False),
        Part("unit", ("-n", "2"), again=False),
        # Files stay whole: their tests share servers.
        Part("integration", ("-n", "3", "--dist", "loadfile", "--no-loadscope-reorder")),
        Part("faults", ("-n", "3", "--dist", "loadfile")),
    ),
    # What waits for an engine or a kubelet most of the time
    (Part("conformance"), Part("docker", needs="engine")),
    # The order of the files is kept: the last one judges the run.
    (Part("e2e", ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"), needs="kind cluster", alone=True),),
)
# By name: commands that find it up, or bring it up. A machine that is new to this compiles Kubernetes, which must not
# take the time of the tests in the other legs.
NEEDS = {
    "engine": [["hack/engine-up"]],
    "kind cluster": [
        ["hack/engine-up"],
        *(["nice", "hack/kind-up", *cluster] for cluster in CLUSTERS.items()),
        ["nice", "hack/flux-build"],
        ["nice", "hack/metrics-server-build"],
    ],
}
NAMES = [part.name for leg in LEGS for part in leg]


@dataclass
class Result:
    """What became of a part. Tests are named by pytest's ids."""

    part: str
    passed: int = 0
    skipped: int = 0
    failed: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)  # failed, and passed when run again
    left_out: str = ""
    seconds: float = 0

    @property
    def words(self) -> str:
        if self.left_out:
            return f"left out: {self.left_out}"
        counts = {"failed": len(self.failed), "passed when run again": len(self.again)}
        counts |= {"passed": self.passed, "skipped": self.skipped}
        words = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        return f"{words or 'passed'} in {self.seconds:.0f} s"


class Leg(threading.Thread):
    """Runs parts one after the other; one that fails stops no other."""

    def __init__(
        self, parts: Sequence[Part], arguments: Sequence[str], output: IO[bytes] | None, before: Sequence[Leg]
    ) -> None:
        super().__init__(daemon=True)
        self.results: list[Result] = []
        self._parts, self._arguments, self._output, self._before = parts, arguments, output, before
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def run(self) -> None:
        for part in self._parts:
            result = Result(part.name)
            if not self._stopped:
                self._say(f"{part.name} begins")
                self._work(part, result)
                self._say(f"{part.name}: {result.words}")
            if self._stopped:
                result.failed.append(f"{part.name}: interrupted")
            self.results.append(result)

    def stop(self, *, terminate: bool) -> None:
        """Begin no other part; one that is terminated stops what its tests have started, as after Ctrl-C."""
        with self._lock:
            self._stopped = True
            if self._process and terminate:
                self._process.terminate()

    def kill(self) -> None:
        with self._lock:
            if self._process:
                self._process.kill()

    def _say(self, text: str) -> None:
        """A line of progress, at once and also where the part's output goes. It may come within a line of dots."""
        line = f"\n[hack/test] {text}\n"
        print(line, end="", flush=True)
        if self._output:
            os.write(self._output.fileno(), line.encode())

    def _work(self, part: Part, result: Result) -> None:
        begin = time.monotonic()
        if part.name == "lint":
            result.failed = ["hack/lint"] if self._call(["hack/lint"]) else []
        elif part.needs and any(self._call(command) for command in NEEDS[part.needs]):
            result.left_out = f"there is no {part.needs} (see the lines above)"
        else:
            for leg in self._before if part.alone else ():
                leg.join()
            begin = time.monotonic()
            self._run_tests(part, result)
        result.seconds = time.monotonic() - begin

    def _run_tests(self, part: Part, result: Result) -> None:
        outcome, code = self._pytest(part, [f"tests/{part.name}", *part.options, *self._arguments])
        result.passed, result.skipped = len(outcome["passed"]), outcome["skipped"]
        result.failed = outcome["failed"]
        if not result.failed and code != 0 and not (code == 5 and self._arguments):  # 5: no test has been chosen
            result.failed = [f"tests/{part.name}: pytest ended with exit code {code}"]
        elif part.again and not self._stopped and 0 < len(outcome["repeatable"]) <= MOST_AGAIN >= len(result.failed):
            self._say(f"{part.name}: once more, alone: {' '.join(outcome['repeatable'])}")
            passed = self._pytest(part, outcome["repeatable"])[0]["passed"]
            result.again = [test for test in result.failed if test in passed]
            result.failed = [test for test in result.failed if test not in passed]

    def _pytest(self, part: Part, arguments: Sequence[str]) -> tuple[dict, int]:
        command = [PYTHON, "-m", "pytest", *arguments]
        if part.name == "e2e":
            command = ["bash", "-c", 'eval "$(hack/kind-env)"; exec "$@"', "hack/test", *command]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "outcome.json"
            code = self._call([*command, "--outcome", str(file)])
            nothing = {"passed": [], "failed": [], "repeatable": [], "skipped": 0}
            return json.loads(file.read_text()) if file.exists() else nothing, code

    def _call(self, command: Sequence[str]) -> int:
        with self._lock:
            if self._stopped:
                return 2
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=_environment(),
                stdin=subprocess.DEVNULL if self._output else None,
                stdout=self._output,
                stderr=self._output,
            )
        code = self._process.wait()
        with self._lock:
            self._process = None
        return code


def _environment() -> dict[str, str]:
    # Without compiled modules each of the thousands of processes that tests start takes twice the processor time.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "LOCALMODEL_E2E_CLUSTER": " ".join(CLUSTERS)}


def run(legs: Sequence[Sequence[Part]], arguments: Sequence[str]) -> list[Result]:
    """Run the legs at once; what each of the others says is printed when those before it have ended."""
    with contextlib.ExitStack() as files:
        aside = [files.enter_context(tempfile.TemporaryFile()) for _ in legs[1:]]
        running: list[Leg] = []
        for parts, output in zip(legs, [None, *aside], strict=True):
            running.append(Leg(parts, arguments, output, tuple(running)))
        with _signals_stop(running):
            for leg in running:
                leg.start()
            running[0].join()
            for leg, parts, output in zip(running[1:], legs[1:], aside, strict=True):
                names = " and ".join(part.name for part in parts)
                print(f"\n[hack/test] what {names} said meanwhile:", flush=True)
                _print_until_end(leg, output)
        return [result for leg in running for result in leg.results]


def _print_until_end(leg: Leg, output: IO[bytes]) -> None:
    position, ended = 0, False
    while not ended:
        leg.join(0.5)
        ended = not leg.is_alive()
        text = os.pread(output.fileno(), os.fstat(output.fileno()).st_size - position, position)
        position += len(text)
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()


@contextlib.contextmanager
def _signals_stop(legs: Sequence[Leg]) -> Iterator[None]:
    def stop(number: int, _: object) -> None:
        for leg in legs:
            leg.stop(terminate=number == signal.SIGTERM)  # the terminal sends Ctrl-C to the parts, too
        timer = threading.Timer(LAST_SECONDS, lambda: [leg.kill() for leg in legs])
        timer.daemon = True
        timer.start()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def summary(results: Sequence[Result]) -> Iterator[str]:
    """The last lines: one for each part, and one for each test that did not pass at once."""
    yield "part          passed   failed   again  skipped    time"
    for result in results:
        counts = (result.passed, len(result.failed), len(result.again), result.skipped)
        numbers = "".join(f"{count:>9}" for count in counts) + f"{result.seconds:>6.0f} s"
        yield f"{result.part:<11}" + (f"  left out: {result.left_out}" if result.left_out else numbers)
    for result in results:
        yield from (f"passed when run again, which is a defect to be mended: {test}" for test in result.again)
    for result in results:
        yield from (f"failed: {test}" for test in result.failed)


def chosen(arguments: Sequence[str]) -> tuple[list[list[Part]], list[str]]:
    """The legs that have a part, and the arguments for pytest."""
    names = list(itertools.takewhile(NAMES.__contains__, arguments))
    others = list(arguments[len(names) :])
    if others and not others[0].startswith("-"):
        raise SystemExit(f"hack/test: there is no part {others[0]!r}; the parts are {', '.join(NAMES)}")
    legs = [[part for part in leg if part.name in (names or NAMES)] for leg in LEGS]
    return [leg for leg in legs if leg], others


def main() -> int:
    results = run(*chosen(sys.argv[1:]))
    print("", *summary(results), sep="\n")
    left_out = any(result.left_out for result in results)
    if required := left_out and os.environ.get("LOCALMODEL_E2E") == "required":
        print("failed: tests with an engine and a cluster are required here (LOCALMODEL_E2E), and did not run")
    return int(required or any(result.failed for result in results))


if __name__ == "__main__":
    sys.exit(main())
