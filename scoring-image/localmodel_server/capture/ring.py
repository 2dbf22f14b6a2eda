"""Lines in a folder, of which the last ones stay: two files, the newer of which takes the older one's place when full.

localmodel_untrusted/captured_lines.py reads them.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

NEWER, OLDER = "newer.jsonl", "older.jsonl"
_RULES = "rules"
_CHUNK = 1 << 20


class Ring:
    """Keeps at least the last `lines` lines, unless they take more than `most` bytes, and never more bytes than that.

    Lines that were written under other `rules` are removed first: they may hold what may no longer be written. Several
    servers of a deployment may share the folder.
    """

    def __init__(self, folder: Path, lines: int, most: int, rules: str) -> None:
        self._folder = folder
        self._newer = folder / NEWER
        self._most_lines = lines
        self._most_bytes = most // 2  # of each file
        self._rules = rules
        self._descriptor: int | None = None
        self._lines = 0

    def add(self, content: bytes, lines: int = 1) -> bool:
        """Write a number of lines together; returns False if they are too long for it.

        Raises:
            OSError: they are not written, and nothing of them is left.
        """
        if len(content) > self._most_bytes:
            return False
        descriptor = self.open()
        size = os.fstat(descriptor).st_size
        if self._lines >= self._most_lines or size + len(content) > self._most_bytes:
            self._turn()
            descriptor = self.open()
            size = os.fstat(descriptor).st_size
        try:
            if os.write(descriptor, content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, size)
            raise
        self._lines += lines
        return True

    def open(self) -> int:
        """Remove what does not fit the rules and bounds, and return the newer file's descriptor.

        Raises:
            OSError
        """
        if self._descriptor is not None and not self._is_newer(self._descriptor):
            self.close()  # another server has moved it, or somebody has removed it
        if self._descriptor is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._alone():
                self._descriptor = self._open()
        return self._descriptor

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _turn(self) -> None:
        """Make the newer file the older one, unless another server has done so."""
        with self._alone():
            if self._descriptor is not None and self._is_newer(self._descriptor):
                self._newer.replace(self._folder / OLDER)
        self.close()

    def _is_newer(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self._newer.lstat())
        except FileNotFoundError:
            return False

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold off other servers of the deployment, where the file system can."""
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with contextlib.suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        rules = self._folder / _RULES
        is_other = _text(rules) != self._rules
        for path in (self._newer, self._folder / OLDER):
            if path.exists() and (is_other or path.stat().st_size > self._most_bytes):
                path.unlink()
        if is_other:
            rules.write_text(self._rules, encoding="utf-8")
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self._newer, flags, 0o600)
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
    lines = size = end = 0
    with open(descriptor, "rb", closefd=False) as file:
        while chunk := file.read(_CHUNK):
            lines += chunk.count(b"\n")
            end = size + chunk.rfind(b"\n") + 1 if b"\n" in chunk else end
            size += len(chunk)
    if end < size:
        os.ftruncate(descriptor, end)
    return lines
