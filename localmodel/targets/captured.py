"""The requests that a server has captured in a folder (localmodel_server/capture/ring.py writes them).

This file is also a program for the Python of a pod: `-c SOURCE FOLDER COUNT` prints the last of them.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO

_NEWER_FIRST = ("newer.jsonl", "older.jsonl")


def last(folder: str, count: int) -> list[bytes]:
    """The last requests, oldest first, as lines of JSON."""
    with contextlib.ExitStack() as files:
        opened = []
        for name in _NEWER_FIRST:
            with contextlib.suppress(FileNotFoundError):
                opened.append(files.enter_context(open(os.path.join(folder, name), "rb")))  # noqa: PTH118
        if len(opened) == 2 and os.path.sameopenfile(*(file.fileno() for file in opened)):
            opened.pop()  # the server has made the newer one the older one meanwhile
        return list(deque(_lines(opened[::-1]), count))


def _lines(files: list[BinaryIO]) -> Iterator[bytes]:
    for file in files:
        # The server may be writing the last one.
        yield from (line for line in file if line.endswith(b"\n"))


if __name__ == "__main__":
    sys.stdout.buffer.writelines(last(sys.argv[1], int(sys.argv[2])))
