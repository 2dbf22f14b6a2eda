"""Reads what a script prints while it loads from the deployment's log."""

import re
import time
from pathlib import Path

_SECONDS_BETWEEN_READS = 0.2
_MOST_BYTES = 64 * 1024
# A line of the server, in either form.
_OWN = re.compile(r'\S+Z (DEBUG|INFO|WARNING|ERROR|CRITICAL) |{"time":"')


class LogTail:
    """The last new line since its creation, without lines of the server."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_to = path.stat().st_size if path.exists() else 0
        self._next_read = 0.0
        self._last = ""

    def last(self) -> str:
        """The line, or "" while there is none."""
        if time.monotonic() >= self._next_read:
            self._next_read = time.monotonic() + _SECONDS_BETWEEN_READS
            lines = [line.strip() for line in self._new().decode(errors="replace").splitlines()]
            self._last = next((line for line in reversed(lines) if line and not _OWN.match(line)), self._last)
        return self._last

    def _new(self) -> bytes:
        try:
            with self._path.open("rb") as log:
                end = log.seek(0, 2)
                # A log that has become shorter was rotated.
                log.seek(max(self._read_to if self._read_to <= end else 0, end - _MOST_BYTES))
                content = log.read(_MOST_BYTES)
                self._read_to = log.tell()
        except OSError:
            return b""
        return content
