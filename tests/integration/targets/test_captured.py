"""The last captured requests, read from the server's two files: in this process, and as the program for a pod."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from localmodel.targets import captured
from localmodel_server.capture.ring import NEWER, OLDER, Ring


def in_process(folder: Path, count: int) -> list[bytes]:
    return captured.last(str(folder), count)


def in_pod(folder: Path, count: int) -> list[bytes]:
    source = Path(captured.__file__).read_text()
    command = [sys.executable, "-I", "-c", source, str(folder), str(count)]
    return subprocess.run(command, check=True, capture_output=True).stdout.splitlines(keepends=True)


@pytest.mark.parametrize("read", [in_process, in_pod])
def test_the_last_ones_are_read_over_both_files(tmp_path: Path, read: Callable[[Path, int], list[bytes]]) -> None:
    ring = Ring(tmp_path, 10, 1 << 20, "")
    for number in range(14):
        ring.add(b"%d\n" % number)
    ring.close()
    assert (tmp_path / OLDER).exists()
    assert read(tmp_path, 6) == [b"%d\n" % number for number in range(8, 14)]
    assert len(read(tmp_path, 1000)) == 14


def test_a_line_that_is_being_written_is_left_out(tmp_path: Path) -> None:
    (tmp_path / NEWER).write_bytes(b"1\n2")
    assert in_process(tmp_path, 10) == [b"1\n"]


def test_where_nothing_was_captured_there_is_nothing(tmp_path: Path) -> None:
    assert in_process(tmp_path / "none", 10) == []


def test_files_that_change_places_meanwhile_are_read_once(tmp_path: Path) -> None:
    (tmp_path / NEWER).write_bytes(b"1\n")
    (tmp_path / OLDER).hardlink_to(tmp_path / NEWER)  # as both are opened around the move
    assert in_process(tmp_path, 10) == [b"1\n"]
