"""Bytes of a file that nobody trusts, read in small pieces and within limits."""

import time
from typing import Protocol

_PIECE = 1 << 20
# It takes a model with two million words, and at most a third of a gigabyte of memory.
_OPERATIONS = 8_000_000
_SECONDS = 60.0


class UnreadablePickleError(Exception):
    """The file cannot be read on; the text says why."""


class ExhaustedError(UnreadablePickleError):
    """The limits of the whole examination are reached."""


class File(Protocol):
    """What is asked of an open file."""

    def read(self, size: int, /) -> bytes:
        """At most this many bytes; none at the end."""

    def readline(self, size: int, /) -> bytes:
        """Up to the end of the line, at most this many bytes."""

    def peek(self, size: int, /) -> bytes:
        """Some of the bytes that come next, if any do."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place; only asked of a file whose size is known."""


class Budget:
    """How much one examination may take: instructions in all, and `seconds`."""

    def __init__(self, operations: int = _OPERATIONS, seconds: float = _SECONDS) -> None:
        self.operations = operations
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def check(self) -> None:
        """Raises ExhaustedError."""
        if self.operations <= 0:
            raise ExhaustedError("there is more in it than is looked at")
        if time.monotonic() > self._end:
            raise ExhaustedError(f"reading stopped after {self._seconds:g} s")


class Stream:
    """Reading forwards. `size` is in bytes and known of files in which one can seek, None of others.

    Raises (every method): UnreadablePickleError.
    """

    def __init__(self, file: File, size: int | None, budget: Budget) -> None:
        self._file = file
        self._size = size
        self.budget = budget
        self.position = 0

    def read(self, count: int) -> bytes:
        """Exactly this many bytes, which are few."""
        data = self._file.read(count)
        self.position += len(data)
        if len(data) != count:
            raise UnreadablePickleError(f"it ends at byte {self.position}, in the middle of something")
        return data

    def next(self) -> int:
        """The next byte; -1 at the end."""
        data = self._file.read(1)
        if not data:
            return -1
        self.position += 1
        return data[0]

    def at_end(self) -> bool:
        """Whether nothing follows."""
        return not self._file.peek(1)

    def line(self, limit: int) -> bytes:
        """The bytes before the next line feed, which is read too."""
        data = self._file.readline(limit)
        self.position += len(data)
        if not data.endswith(b"\n"):
            raise UnreadablePickleError(f"a line before byte {self.position} does not end")
        return data[:-1]

    def expect(self, count: int) -> None:
        """So many bytes follow, if the size is known."""
        if self._size is not None and self.position + count > self._size:
            raise UnreadablePickleError(f"{count} bytes should follow byte {self.position}, and the file ends before")

    def skip(self, count: int) -> None:
        """Go on behind the next bytes, however many they are."""
        self.expect(count)
        if self._size is not None:
            self.position += count
            self._file.seek(self.position)
            return
        while count:
            self.budget.check()
            count -= len(self.read(min(count, _PIECE)))
