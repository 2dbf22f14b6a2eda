"""A server's log stays short, and whoever reads it misses nothing that is kept."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from support.server.scoring_server_process import RevisionFile, ScoringServer, eventually

from localmodel import data
from localmodel.environments.venvs import build_log
from localmodel.targets import log_file

sys.path.append(str(data.path("scoring-image")))

from localmodel_server.log_rotation import rotate

PRINTS = """
def init(): pass
def run(raw_data):
    for _ in range(60):
        print("x" * 999_999)
"""


def lines(first: int, last: int) -> str:
    return "".join(f"line {number}\n" for number in range(first, last))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "server.log"


def append(log: Path, text: str) -> None:
    with log.open("a") as file:
        file.write(text)


def kept(log: Path) -> list[str]:
    return [path.read_text() for path in sorted(log.parent.glob("server.log*"))]


def test_three_files_are_kept(log: Path) -> None:
    for number in range(5):
        append(log, lines(10 * number, 10 * number + 10))
        rotate(log, most=50)
    append(log, "last\n")
    assert kept(log) == ["last\n", lines(40, 50), lines(30, 40)]
    rotate(log, most=50)
    assert kept(log)[0] == "last\n", "a short one stays"


def test_of_a_flood_the_end_is_kept(log: Path) -> None:
    append(log, lines(0, 1000))
    rotate(log, most=99, more=20)
    assert kept(log) == ["", "... 8791 bytes are left out here\n" + lines(0, 1000)[-99:]]


def test_a_log_that_cannot_be_copied_is_short_all_the_same(log: Path) -> None:
    append(log, lines(0, 1000))
    log.with_name("server.log.new").mkdir()
    rotate(log, most=99)
    assert log.read_text() == ""


def test_reading_begins_with_the_oldest(log: Path) -> None:
    for number in range(3):
        append(log, lines(10 * number, 10 * number + 10))
        rotate(log, most=50)
    append(log, lines(30, 35))
    build = log.with_name("build.log")
    build.write_text("built\n")
    assert "".join(log_file.read(build, log, follow=False, lines=None)) == "built\n" + lines(10, 35)
    for count in (1, 5, 6, 20, 25):
        assert "".join(log_file.read(build, log, follow=False, lines=count)) == lines(35 - count, 35)
    assert "".join(log_file.read(build, log, follow=False, lines=26)) == "built\n" + lines(10, 35)


@pytest.fixture
def follow(log: Path) -> Callable[[], str]:
    append(log, "")
    read: list[str] = []
    threading.Thread(target=lambda: read.extend(log_file.read(None, log, follow=True, lines=None)), daemon=True).start()

    def text() -> str:
        return "".join(read)

    return text


def test_following_goes_on_across_rotations(log: Path, follow: Callable[[], str]) -> None:
    append(log, lines(0, 10))
    eventually(lambda: follow() == lines(0, 10))
    append(log, lines(10, 20))
    rotate(log, most=50)
    append(log, lines(20, 22))
    eventually(lambda: follow() == lines(0, 22))
    append(log, lines(22, 60))
    rotate(log, most=50)
    append(log, lines(60, 600))  # longer than what had been read
    eventually(lambda: follow() == lines(0, 600))
    append(log, lines(600, 2000))
    rotate(log, most=99, more=20)
    append(log, "end\n")
    eventually(lambda: follow().endswith(lines(0, 2000)[-99:] + "end\n"))
    log.unlink()


class Goes(type(Path())):  # type: ignore[misc]
    """A log that is written to a last time, and deleted, just before somebody looks whether it is still there."""

    def exists(self) -> bool:
        if super().exists():
            append(Path(self), "last\n")
            self.unlink()
        return False


def test_what_was_said_last_before_a_deletion_is_read(log: Path) -> None:
    append(log, "first\n")
    assert "".join(log_file.read(None, Goes(log), follow=True, lines=None)) == "first\nlast\n"


def test_a_build_that_speaks_without_end_fills_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_log, "_MOST_CHARACTERS", 20)
    heard: list[str] = []
    with build_log.kept(tmp_path / "build.log", heard.append) as say:
        for number in range(100):
            say(f"line {number}")
    assert len(heard) == 100
    assert (tmp_path / "build.log").read_text() == lines(0, 3) + "... the rest is not kept\n"


def test_a_script_that_prints_without_end_fills_no_disk(tmp_path: Path) -> None:
    file = RevisionFile(tmp_path)
    file.write("1", PRINTS)
    log = tmp_path / "own.log"
    with ScoringServer(tmp_path, {}, *file.arguments, "--log-file", str(log), log=log) as server:
        server.wait_until_ready("1")
        for _ in range(2):
            assert server.score(b"").status == 200

        def is_short() -> bool:
            sizes = [path.stat().st_size for path in tmp_path.glob("own.log*") if path.suffix != ".new"]
            return log.stat().st_size <= 10 << 20 and len(sizes) <= 3 and sum(sizes) < 60_000_000

        eventually(is_short, server)
        # What is said just as the log is emptied is lost.
        eventually(lambda: bool(server.get("/nowhere")) and "/nowhere" in server.log, server)
