"""Runs the fenced blocks of a page in order, as a reader does, and compares what they print with the page.

| block | meaning |
|---|---|
| ```python | run in the page's one Python session |
| ```sh | run by bash, in the page's folder |
| ```sh until=WORD | the same in another terminal, ended by Ctrl-C when it has said WORD |
| ```... file=NAME | written to a file |
| ```text | what the block before it prints (`...` stands for anything) |
"""

from __future__ import annotations

import doctest
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^```(\w+)(?: (\w+)=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SECONDS = 600

# The session: one line of JSON in for each block, one line out with what it printed and how it failed.
_SESSION = """
import contextlib, io, json, sys, traceback
answers, sys.stdout = sys.stdout, sys.stderr
names = {"__name__": "__main__"}
for line in sys.stdin:
    block, printed, error = json.loads(line), io.StringIO(), None
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(block["code"], block["place"], "exec"), names)
    except BaseException:
        error = traceback.format_exc()
    print(json.dumps({"printed": printed.getvalue(), "error": error}), file=answers, flush=True)
"""


@dataclass(frozen=True)
class Block:
    """`line`: of its first line in the page. `expected`: of the text block behind it, None without one."""

    language: str
    key: str
    value: str
    code: str
    line: int
    expected: str | None = None


def blocks(page: str) -> Iterator[Block]:
    """The blocks that do something, each with what it is expected to print."""
    found = [
        Block(match[1], match[2] or "", match[3] or "", match[4], page[: match.start(4)].count("\n") + 1)
        for match in _FENCE.finditer(page)
    ]
    for block, behind in zip(found, [*found[1:], None], strict=True):
        is_output = block.language == "text" and not block.key
        if is_output:
            continue
        printed = behind.code if behind and behind.language == "text" and not behind.key else None
        yield Block(block.language, block.key, block.value, block.code, block.line, printed)


def with_port(text: str, port: int) -> str:
    """The text with `port` where it says 6789, but not within longer numbers."""
    return re.sub(r"\b6789\b", str(port), text)


def run(path: Path, folder: Path, variables: Mapping[str, str], port: int) -> None:
    """Run the page in the folder; AssertionError names the page's line. `port` is used where it says 6789."""
    text = with_port(path.read_text(), port)
    session = _Session(folder, variables)
    try:
        for block in blocks(text):
            place = f"{path.name}:{block.line}"
            printed = _run(block, place, folder, variables, session)
            if block.expected is not None:
                _compare(place, block.expected, printed)
    finally:
        session.end()


def _run(block: Block, place: str, folder: Path, variables: Mapping[str, str], session: _Session) -> str:
    if block.key == "file":
        (folder / block.value).write_text(block.code)
        return ""
    if block.language == "python":
        return session.run(block.code, place)
    assert block.language == "sh", f"{place}: a block of {block.language} cannot be run"
    if block.key == "until":
        return _until(block, place, folder, variables)
    command = ["bash", "-euo", "pipefail", "-c", block.code]
    done = subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    assert done.returncode == 0, f"{place}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def _until(block: Block, place: str, folder: Path, variables: Mapping[str, str]) -> str:
    log = folder / ".other-terminal"
    with log.open("wb") as output:
        other = subprocess.Popen(
            ["bash", "-c", f"exec {block.code}"], cwd=folder, env=variables, stdout=output, stderr=output
        )
    try:
        end = time.monotonic() + _SECONDS
        while block.value not in log.read_text():
            assert other.poll() is None and time.monotonic() < end, f"{place}: {log.read_text()}"
            time.sleep(0.1)
    finally:
        other.send_signal(signal.SIGINT)
        code = other.wait(timeout=60)
    assert code == 0, f"{place}: exit code {code}\n{log.read_text()}"
    return log.read_text()


def _compare(place: str, expected: str, printed: str) -> None:
    same = doctest.OutputChecker().check_output(expected, printed, doctest.ELLIPSIS)
    assert same, f"{place}: the page says\n{expected}\nand what came is\n{printed}"


class _Session:
    """A Python program that gets its lines block by block."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error::ResourceWarning", "-c", _SESSION],
            cwd=folder,
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, code: str, place: str) -> str:
        assert self._process.stdin and self._process.stdout
        print(json.dumps({"code": code, "place": place}), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        assert line, f"{place}: the session has ended"
        answer = json.loads(line)
        assert answer["error"] is None, f"{place}: {answer['error']}\n{answer['printed']}"
        printed: str = answer["printed"]
        return printed

    def end(self) -> None:
        self._process.communicate(timeout=60)
        assert self._process.returncode == 0


def variables(home: Path, target: str) -> dict[str, str]:
    """What the page is run with: a home of its own, the command lmd, and without the target docker no engine."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    given = {**os.environ, "LOCALMODEL_HOME": str(home), "LOCALMODEL_TARGET": target, "PATH": path}
    return given if target == "docker" else {**given, "DOCKER_HOST": f"unix://{home}/no-engine.sock"}
