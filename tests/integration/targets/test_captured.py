"""The last captured requests, read from the server's two files: in this process, and as the program for a pod."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from localmodel_server.capture.ring import NEWER, OLDER, Ring
from localmodel_untrusted import captured_lines


def in_process(folder: Path, count: int) -> list[bytes]:
    return captured_lines.last(str(folder), count)


def in_pod(folder: Path, count: int) -> list[bytes]:
    source = Path(captured_lines.__file__).read_text()
    command = [sys.executable, "-I", "-c", source, str(folder), str(count), ""]
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


def test_only_those_with_a_text_are_read(tmp_path: Path) -> None:
    (tmp_path / NEWER).write_bytes(b'{"id":"a"}\n{"id":"b"}\n{"id":"a"}\n{"id":"\xc3\xbc"}\n')
    assert captured_lines.last(str(tmp_path), 1, containing='"a"') == [b'{"id":"a"}\n']
    assert len(captured_lines.last(str(tmp_path), 9, containing='"a"')) == 2
    source = Path(captured_lines.__file__).read_text()
    command = [sys.executable, "-I", "-c", source, str(tmp_path), "9", '"ü"']
    assert subprocess.run(command, check=True, capture_output=True).stdout == '{"id":"ü"}\n'.encode()


def test_a_line_that_is_being_written_is_left_out(tmp_path: Path) -> None:
    (tmp_path / NEWER).write_bytes(b"1\n2")
    assert in_process(tmp_path, 10) == [b"1\n"]


HOSTILE: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a link to another file": lambda path: path.symlink_to(path.with_name("secret")),
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "no text": lambda path: path.write_bytes(b"\xff\xfe\n"),
    "a line without an end": lambda path: path.write_bytes(b"0" * (1 << 20)),
}


@pytest.mark.parametrize("read", [in_process, in_pod])
@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_script_puts_there_is_not_read(
    tmp_path: Path, name: str, read: Callable[[Path, int], list[bytes]]
) -> None:
    (tmp_path / "secret").write_text("secret\n")
    HOSTILE[name](tmp_path / NEWER)
    (tmp_path / OLDER).write_bytes(b"1\n")
    assert read(tmp_path, 10) == [b"1\n"]


def test_a_folder_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / NEWER).write_bytes(b"1\n")
    (tmp_path / "capture").symlink_to("other")
    assert in_process(tmp_path / "capture", 10) == []


def test_a_file_of_any_size_is_read_from_its_end(tmp_path: Path) -> None:
    with (tmp_path / NEWER).open("wb") as file:
        file.seek(1 << 42)
        file.write(b"\n1\n")
    assert in_process(tmp_path, 10) == [b"1\n"]


def test_a_line_that_is_too_long_is_left_out_and_the_next_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captured_lines, "_LONGEST", 8)
    (tmp_path / NEWER).write_bytes(b"first\n" + b"0" * 20 + b"\nlast\n")
    assert in_process(tmp_path, 10) == [b"first\n", b"last\n"]


def test_of_lines_that_are_too_long_together_the_last_ones_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captured_lines, "_MOST_TOGETHER", 14)
    (tmp_path / OLDER).write_bytes(b"first\nsecond\n")
    (tmp_path / NEWER).write_bytes(b"third\nfourth\n")
    assert in_process(tmp_path, 10) == [b"third\n", b"fourth\n"]
    assert in_process(tmp_path, 1) == [b"fourth\n"]


def test_where_nothing_was_captured_there_is_nothing(tmp_path: Path) -> None:
    assert in_process(tmp_path / "none", 10) == []


def test_files_that_change_places_meanwhile_are_read_once(tmp_path: Path) -> None:
    (tmp_path / NEWER).write_bytes(b"1\n")
    (tmp_path / OLDER).hardlink_to(tmp_path / NEWER)  # as both are opened around the move
    assert in_process(tmp_path, 10) == [b"1\n"]
