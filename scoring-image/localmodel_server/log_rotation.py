"""Keeps the log of this process and its workers within bounds; localmodel/targets/log_file.py reads it."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from pathlib import Path
from typing import BinaryIO

_MOST_BYTES = 10 << 20
_MORE_BYTES = _MOST_BYTES // 4  # beyond that the beginning is left out
_OLDER = 2
_SECONDS_BETWEEN_LOOKS = 0.5
_PIECE = 1 << 20


async def keep_short(log: Path) -> None:
    """Rotate the log whenever it has grown too long, until cancelled."""
    while True:
        await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
        with contextlib.suppress(OSError):  # it has been removed
            await asyncio.to_thread(rotate, log)


def rotate(log: Path, most: int = _MOST_BYTES, more: int = _MORE_BYTES) -> None:
    """Copy the log to `.1`, which becomes `.2`, and empty it, if it is longer than most bytes.

    Whoever has it open goes on: what is written is appended wherever the end is. What comes between the end of the
    copy and the emptying is lost. Of a log that is longer by more the beginning is left out, which the copy says first.
    """
    with log.open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # another server of the deployment is at it
        size = os.fstat(file.fileno()).st_size
        if size <= most:
            return
        copy = log.with_name(f"{log.name}.new")
        is_copied = _copy_end(file, copy, size - most if size > most + more else 0, 2 * most)
        for number in range(_OLDER, 1, -1):
            with contextlib.suppress(FileNotFoundError):
                _older(log, number - 1).replace(_older(log, number))
        file.truncate(0)
        if is_copied:
            copy.replace(_older(log, 1))


def _older(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")


def _copy_end(file: BinaryIO, to: Path, left_out: int, most: int) -> bool:
    """Copy the end of the file; returns whether there was room, without which the log goes on all the same."""
    try:
        with to.open("wb") as copy:
            if left_out:
                copy.write(b"... %d bytes are left out here\n" % left_out)
            file.seek(left_out)
            while copy.tell() < most and (piece := file.read(_PIECE)):
                copy.write(piece)
    except OSError:
        with contextlib.suppress(OSError):
            to.unlink()
        return False
    return True
