"""The server's log on stderr: a line per event, as text or JSON, never with a payload."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
import time
from json.encoder import encode_basestring_ascii as quoted
from typing import TextIO

logger = logging.getLogger("localmodel_server")


def set_up_logging(level: str = "INFO", log_format: str = "text") -> None:
    """Send the log of the server and of uvicorn to stderr; may be called again with other settings."""
    _handler.set_format(log_format)
    root = logging.getLogger()
    if _handler not in root.handlers:
        root.addHandler(_handler)
    root.setLevel(logging.WARNING)  # libraries
    logger.setLevel(level)


def log_request(request_id: str, method: str, path: str, status: int, milliseconds: float) -> None:
    """Log one answered request, without its payload. The texts may hold anything a client can send."""
    # Not through logging: a record costs ten times as much, and this is done for every request.
    if logger.isEnabledFor(logging.INFO):
        _handler.add(_handler.request_line(request_id, method, path, status, milliseconds))


class GatheringHandler(logging.Handler):
    """Gathers what is logged within one turn of the event loop, and writes it at once."""

    def __init__(self, stream: TextIO | None = None, log_format: str = "text") -> None:
        super().__init__()
        self._stream = stream
        self._lines: list[str] = []
        self._mutex = threading.Lock()
        self._flushing_on: asyncio.AbstractEventLoop | None = None
        self._clock = _Clock()
        self.set_format(log_format)

    def set_format(self, log_format: str) -> None:
        """Write lines as `text` or as `json` from now on."""
        json = log_format == "json"
        self.request_line = self._request_json if json else self._request_text
        self.setFormatter(_JsonLines(self._clock) if json else _TextLines(self._clock))

    def emit(self, record: logging.LogRecord) -> None:
        """Called by logging with each record."""
        try:
            self.add(self.format(record) + "\n")
        except Exception:
            self.handleError(record)
        if record.levelno >= logging.ERROR:
            self.flush()  # whoever is told of it finds it

    def add(self, line: str) -> None:
        """Write the line, which ends with a line break, when this turn of the loop ends; at once without a loop."""
        try:
            loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        with self._mutex:
            self._lines.append(line)
            if loop is not None and self._flushing_on is not loop:
                self._flushing_on = loop
                loop.call_soon(self.flush)
        if loop is None:
            self.flush()

    def flush(self) -> None:
        """Write what has gathered. logging calls this when the interpreter ends."""
        with self._mutex:
            text, self._lines, self._flushing_on = "".join(self._lines), [], None
            if not text:
                return
            stream = self._stream or sys.stderr
            with contextlib.suppress(OSError, ValueError, AttributeError):  # nobody reads the log any more
                stream.write(text)
                stream.flush()

    def _request_text(self, request_id: str, method: str, path: str, status: int, milliseconds: float) -> str:
        now = self._clock.text(time.time())
        return f"{now} INFO {one_word(request_id)} {one_word(method)} {one_word(path)} {status} {milliseconds:.1f}\n"

    def _request_json(self, request_id: str, method: str, path: str, status: int, milliseconds: float) -> str:
        return (
            f'{{"time":"{self._clock.text(time.time())}","level":"INFO","request_id":{quoted(request_id)},'
            f'"method":{quoted(method)},"path":{quoted(path)},"status":{status},"ms":{milliseconds:.1f}}}\n'
        )


def one_word(text: str) -> str:
    """The text when it is one printable ASCII word; otherwise with escapes for everything that is not.

    A client must not be able to end a line, to add a column, or to steer the terminal that shows the log.
    """
    if text.isascii() and text.isprintable() and " " not in text and '"' not in text and text:
        return text
    return quoted(text).replace(" ", "\\u0020").replace("\x7f", "\\u007f")


class _Clock:
    """UTC in ISO format with milliseconds; formats each second once."""

    def __init__(self) -> None:
        self._second = -1
        self._prefix = ""

    def text(self, seconds: float) -> str:
        second = int(seconds)
        if second != self._second:
            self._second, self._prefix = second, time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second))
        return f"{self._prefix}{int((seconds - second) * 1000):03d}Z"


class _TextLines(logging.Formatter):
    def __init__(self, clock: _Clock) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")
        self._clock = clock

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return self._clock.text(record.created)


class _JsonLines(logging.Formatter):
    def __init__(self, clock: _Clock) -> None:
        super().__init__()
        self._clock = clock

    def format(self, record: logging.LogRecord) -> str:
        fields = {"time": self._clock.text(record.created), "level": record.levelname, "message": record.getMessage()}
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        request_id = getattr(record, "request_id", None)
        if request_id is not None:
            fields["request_id"] = str(request_id)
        return "{" + ",".join(f"{quoted(name)}:{quoted(value)}" for name, value in fields.items()) + "}"


_handler = GatheringHandler()
