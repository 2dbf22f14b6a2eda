"""Reads a growing, rotated log: all of it or its end, and what is added.

The server copies the log to `.1`, and that to `.2`, before it empties it (localmodel_server/log_rotation.py).
"""

import codecs
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_PIECE = 1 << 16  # bytes
_FOLLOW_SECONDS = 0.2
_LEFT_OUT = re.compile(rb"\.\.\. (\d+) bytes are left out here\n")


def read(build: Path | None, log: Path, follow: bool, lines: int | None) -> Iterator[str]:
    """The build's log and then the server's, or the last `lines` of both together."""
    older = [path for path in (build, _older(log, 2), _older(log, 1)) if path is not None and path.is_file()]
    size = 0
    if lines is None:
        for path in older:
            yield from _whole(path)
    else:
        size = log.stat().st_size if log.is_file() else 0
        end = tail(log, lines, size) if size else ""
        for path in reversed(older):
            end = tail(path, lines - len(end.splitlines()), path.stat().st_size) + end
        yield end
    yield from _grown(log, follow, size)


def tail(path: Path, lines: int, size: int) -> str:
    """The last lines of a file's first `size` bytes, read from the end."""
    if lines <= 0:
        return ""
    at, content = size, b""
    with path.open("rb") as file:
        while at > 0 and content.count(b"\n") <= lines:
            step = min(_PIECE, at)
            at -= step
            file.seek(at)
            content = file.read(step) + content
    return b"".join(content.splitlines(keepends=True)[-lines:]).decode(errors="replace")


def _older(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")


def _whole(path: Path) -> Iterator[str]:
    with path.open(errors="replace") as file:
        yield from iter(lambda: file.read(_PIECE), "")


def _grown(log: Path, follow: bool, start: int) -> Iterator[str]:
    """The log from byte `start` on, until it is removed, or until its end unless `follow`."""
    while follow and not log.is_file() and log.parent.is_dir():
        time.sleep(_FOLLOW_SECONDS)
    if not log.is_file():
        return
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    copied = _identity(_older(log, 1))
    with log.open("rb") as file:
        file.seek(start)
        while True:
            goes_on = follow and log.exists()  # checked first, so that what was written before its removal is read
            now = _identity(_older(log, 1))
            if now not in (None, copied):
                copied = now
                with _older(log, 1).open("rb") as copy:
                    _seek_same(copy, file.tell())
                    yield from map(decode, iter(lambda: copy.read(_PIECE), b""))
                file.seek(0)
            yield from map(decode, iter(lambda: file.read(_PIECE), b""))
            if not goes_on:
                return
            time.sleep(_FOLLOW_SECONDS)


def _seek_same(copy: BinaryIO, position: int) -> None:
    """Seek to what was at this byte of the log before it was copied, or to the first byte that is left."""
    first = copy.readline(_PIECE)
    left_out = _LEFT_OUT.fullmatch(first)
    copy.seek(len(first) + max(0, position - int(left_out[1])) if left_out else position)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns
