"""The requests that a server has captured in a folder (localmodel_server/capture/ring.py writes them).

The script of a deployment can write into the folder, too, whatever it likes: this opens nothing but files, and reads
no more of them than is needed. captured_request.py checks the lines.

This file is also a program for the Python of a pod: `-c SOURCE FOLDER COUNT TEXT` prints the last of them that have
the text.
"""

from __future__ import annotations

import os
import stat
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import BinaryIO

_NEWER_FIRST = ("newer.jsonl", "older.jsonl")
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MOST_BYTES = 512 << 20  # of each file, from its end
# A body and an answer of 1 MiB each may be six times as long in JSON.
_LONGEST = 16 << 20
_MOST_TOGETHER = 256 << 20  # bytes of all lines


def last(folder: str, count: int, most: int | None = None, containing: str = "") -> list[bytes]:
    """The last lines that are text and have this one, oldest first.

    They are fewer if so many are longer than `most` bytes together, or 256 MiB.

    Raises:
        OSError: the folder or a file may not be read.
    """
    most = _MOST_TOGETHER if most is None else most
    text = os.fsencode(containing)
    with ExitStack() as opened:
        try:
            descriptor = os.open(folder, _FLAGS | os.O_DIRECTORY)
        except (FileNotFoundError, NotADirectoryError):
            return []
        opened.callback(os.close, descriptor)
        files = [opened.enter_context(closing(file)) for name in _NEWER_FIRST for file in _open(descriptor, name)]
        if len(files) == 2 and os.path.sameopenfile(*(file.fileno() for file in files)):
            files.pop()  # the server has made the newer one the older one meanwhile
        lines: deque[bytes] = deque()
        size = 0
        for line in (line for file in files[::-1] for line in _lines(file) if text in line):
            lines.append(line)
            size += len(line)
            while len(lines) > count or size > most:
                size -= len(lines.popleft())
        return list(lines)


def _open(folder: int, name: str) -> Iterator[BinaryIO]:
    """The file, unless there is none or it is something else."""
    try:
        descriptor = os.open(name, _FLAGS, dir_fd=folder)
    except FileNotFoundError:
        return
    except OSError:
        if stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise
        return
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        yield os.fdopen(descriptor, "rb")
    else:
        os.close(descriptor)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    size = os.fstat(file.fileno()).st_size
    file.seek(max(0, size - _MOST_BYTES))
    begins = file.tell() == 0
    while file.tell() < size and (piece := file.readline(_LONGEST)):
        ends = piece.endswith(b"\n")  # the server may be writing the last one
        if begins and ends and _is_text(piece):
            yield piece
        begins = ends


def _is_text(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


if __name__ == "__main__":
    sys.stdout.buffer.writelines(last(sys.argv[1], int(sys.argv[2]), containing=sys.argv[3]))
