"""What a script prints while it loads, read from the deployment's log."""

import re
import time
from pathlib import Path

_SECONDS_BETWEEN_READS = 0.2
_MOST_BYTES = 64 * 1024
# A line of the server's own, in either form.
_OWN = re.compile(r'\S+Z (DEBUG|INFO|WARNING|ERROR|CRITICAL) |{"time":"')


class LogTail:
    """The last line that has come since this was made, without the server's own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_to = path.stat().st_size if path.exists() else 0
        self._next_read = 0.0
        self._last = ""

    def last(self) -> str:
        """The line; "" while there is none."""
        if time.monotonic() >= self._next_read:
            self._next_read = time.monotonic() + _SECONDS_BETWEEN_READS
            lines = [line.strip() for line in self._new().decode(errors="replace").splitlines()]
            self._last = next((line for line in reversed(lines) if line and not _OWN.match(line)), self._last)
        return self._last

    def _new(self) -> bytes:
        try:
            with self._path.open("rb") as log:
                end = log.seek(0, 2)
                # One that has become shorter was put aside, and begun anew.
                log.seek(max(self._read_to if self._read_to <= end else 0, end - _MOST_BYTES))
                found = log.read(_MOST_BYTES)
                self._read_to = log.tell()
        except OSError:
            return b""
        return found
