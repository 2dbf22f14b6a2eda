"""Reads an untrusted file in small pieces and within limits."""

import time
from typing import Protocol

_PIECE = 1 << 20
# Enough for a model with two million words, and for at most a third of a gigabyte of memory.
_OPERATIONS = 8_000_000
_SECONDS = 60.0


class UnreadablePickleError(Exception):
    """The file cannot be read any further; the text says why."""


class ExhaustedError(UnreadablePickleError):
    """The limits of the whole examination are reached."""


class File(Protocol):
    """The interface of an open file."""

    def read(self, size: int, /) -> bytes:
        """Read at most this many bytes; none at the end."""

    def readline(self, size: int, /) -> bytes:
        """Read to the end of the line, but at most this many bytes."""

    def peek(self, size: int, /) -> bytes:
        """Return some of the next bytes without reading them; none at the end."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a position; used only if the size is known."""


class Budget:
    """Limits of one examination: the number of instructions in all files, and `seconds`."""

    def __init__(self, operations: int = _OPERATIONS, seconds: float = _SECONDS) -> None:
        self.operations = operations
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def check(self) -> None:
        """Count an instruction.

        Raises:
            ExhaustedError: a limit is reached.
        """
        if self.operations <= 0:
            raise ExhaustedError("there is more in it than is looked at")
        if time.monotonic() > self._end:
            raise ExhaustedError(f"reading stopped after {self._seconds:g} s")


class Stream:
    """Reads a file forwards. `size` is in bytes, or None if the file cannot seek.

    Every method may raise `UnreadablePickleError`.
    """

    def __init__(self, file: File, size: int | None, budget: Budget) -> None:
        self._file = file
        self._size = size
        self.budget = budget
        self.position = 0

    def read(self, count: int) -> bytes:
        """Read exactly this many bytes, which must be few."""
        data = self._file.read(count)
        self.position += len(data)
        if len(data) != count:
            raise UnreadablePickleError(f"it ends at byte {self.position}, in the middle of something")
        return data

    def next(self) -> int:
        """Read the next byte; -1 at the end."""
        data = self._file.read(1)
        if not data:
            return -1
        self.position += 1
        return data[0]

    def at_end(self) -> bool:
        """Whether nothing follows."""
        return not self._file.peek(1)

    def line(self, limit: int) -> bytes:
        """Read a line; return it without its line feed."""
        data = self._file.readline(limit)
        self.position += len(data)
        if not data.endswith(b"\n"):
            raise UnreadablePickleError(f"a line before byte {self.position} does not end")
        return data[:-1]

    def expect(self, count: int) -> None:
        """Check that so many bytes follow, if the size is known."""
        if self._size is not None and self.position + count > self._size:
            raise UnreadablePickleError(f"{count} bytes should follow byte {self.position}, and the file ends before")

    def skip(self, count: int) -> None:
        """Skip any number of bytes."""
        self.expect(count)
        if self._size is not None:
            self.position += count
            self._file.seek(self.position)
            return
        while count:
            self.budget.check()
            count -= len(self.read(min(count, _PIECE)))
