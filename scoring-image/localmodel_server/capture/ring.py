"""Lines in a folder, of which the last ones stay: two files, the newer of which takes the older one's place when full.

localmodel/targets/captured.py reads them.
"""

from __future__ import annotations

import contextlib
import errno
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
        self._lines = 0

    def add(self, line: bytes) -> bool:
        """Write a line; returns False for one that is too long.

        Raises:
            OSError: it is not written, and nothing of it is left.
        """
        if len(line) > self._most_bytes:
            return False
        descriptor, size = self._current()
        if self._lines >= self._most_lines or size + len(line) > self._most_bytes:
            self.close()
            (self._folder / NEWER).replace(self._folder / OLDER)
            descriptor, size = self._current()
        try:
            if os.write(descriptor, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, size)
            raise
        self._lines += 1
        return True

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _current(self) -> tuple[int, int]:
        """The newer file and its size, which another server of the deployment may change, too."""
        if self._descriptor is not None and os.fstat(self._descriptor).st_nlink == 0:
            self.close()  # somebody has removed it
        if self._descriptor is None:
            self._descriptor = self._open()
        return self._descriptor, os.fstat(self._descriptor).st_size

    def _open(self) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        rules = self._folder / _RULES
        for path in (self._folder / NEWER, self._folder / OLDER):
            if path.exists() and (path.stat().st_size > self._most_bytes or _text(rules) != self._rules):
                path.unlink()
        if _text(rules) != self._rules:
            rules.write_text(self._rules, encoding="utf-8")
        descriptor = os.open(self._folder / NEWER, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._lines = _whole_lines(descriptor)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _whole_lines(descriptor: int) -> int:
    """How many lines a file has; removes what a killed process has left behind the last one."""
    with open(descriptor, "rb", closefd=False) as file:
        content = file.read()
    size = content.rfind(b"\n") + 1
    if size < len(content):
        os.ftruncate(descriptor, size)
    return content.count(b"\n")
