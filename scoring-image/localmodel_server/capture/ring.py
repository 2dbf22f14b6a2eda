"""Lines in a folder, of which the last ones stay: two files, the newer of which takes the older one's place when full.

localmodel/targets/captured.py reads them.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

NEWER, OLDER = "newer.jsonl", "older.jsonl"
_RULES = "rules"


class Ring:
    """Keeps at least the last `lines` lines, unless they take more than `most` bytes, and never more bytes than that.

    Lines that were written under other `rules` are removed first: they may hold what may no longer be written.
    """

    def __init__(self, folder: Path, lines: int, most: int, rules: str) -> None:
        self._folder = folder
        self._most_lines = lines
        self._most_bytes = most // 2  # of each file
        self._rules = rules
        self._descriptor: int | None = None
        self._lines = self._bytes = 0

    def add(self, line: bytes) -> bool:
        """Write a line; returns False for one that is too long.

        Raises:
            OSError: it is not written, and nothing of it is left.
        """
        if len(line) > self._most_bytes:
            return False
        if self._descriptor is None:
            self._open()
        if self._lines >= self._most_lines or self._bytes + len(line) > self._most_bytes:
            self._turn()
        self._write(line)
        self._lines += 1
        self._bytes += len(line)
        return True

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        rules = self._folder / _RULES
        for path in (self._folder / NEWER, self._folder / OLDER):
            if path.exists() and (path.stat().st_size > self._most_bytes or _text(rules) != self._rules):
                path.unlink()
        if _text(rules) != self._rules:
            rules.write_text(self._rules, encoding="utf-8")
        descriptor = os.open(self._folder / NEWER, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._lines, self._bytes = _without_a_torn_end(descriptor)
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def _turn(self) -> None:
        self.close()
        (self._folder / NEWER).replace(self._folder / OLDER)
        self._open()

    def _write(self, line: bytes) -> None:
        assert self._descriptor is not None  # noqa: S101 - for the type checker: it is open
        try:
            if os.write(self._descriptor, line) == len(line):
                return
            raise OSError("the line was written in part")
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._bytes)
            raise
        finally:
            if not (self._folder / NEWER).exists():  # somebody has removed it
                self.close()


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _without_a_torn_end(descriptor: int) -> tuple[int, int]:
    """The whole lines of a file and their bytes; removes what a killed process has left behind them."""
    with open(descriptor, "rb", closefd=False) as file:
        content = file.read()
    size = content.rfind(b"\n") + 1
    if size < len(content):
        os.ftruncate(descriptor, size)
    return content.count(b"\n"), size
