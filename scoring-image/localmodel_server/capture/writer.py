"""Writes exchanges in a thread of its own. Nobody waits for it: what comes while too much waits is dropped."""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable

from localmodel_server.capture.exchange import Exchange
from localmodel_server.capture.record import line
from localmodel_server.capture.redact import Redactor
from localmodel_server.capture.ring import Ring
from localmodel_server.configuration.capture import CaptureSettings
from localmodel_server.log import logger

_MOST_BYTES = 16 << 20  # of what waits
_MOST_EXCHANGES = 10_000
_SECONDS_BETWEEN_LOOKS = 0.1
_SECONDS_TO_END = 2.0


class Writer:
    """`count` is called with what became of each exchange: `written`, `dropped` or `failed`.

    follow(), put() and close() are for one thread, that of the event loop.
    """

    def __init__(self, count: Callable[[str], None]) -> None:
        self._count = count
        self._waiting: deque[tuple[CaptureSettings, Exchange | None]] = deque()
        self._put = 0  # bytes; each of the two is changed by one thread only
        self._taken = 0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._salt = secrets.token_bytes(32)
        self._settings: CaptureSettings | None = None
        self._ring: Ring
        self._redactor: Redactor | None = None
        self._trouble = ""

    def follow(self, settings: CaptureSettings) -> None:
        """Have what was written under other rules removed, before the next exchange comes."""
        self._waiting.append((settings, None))
        self._start()

    def put(self, settings: CaptureSettings, exchange: Exchange) -> None:
        """Have the exchange written, or drop it."""
        size = exchange.size
        if len(self._waiting) >= _MOST_EXCHANGES or self._put - self._taken + size > _MOST_BYTES:
            self._count("dropped")
            return
        self._put += size
        self._waiting.append((settings, exchange))
        self._start()

    def close(self) -> None:
        """Write what waits, and end."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(_SECONDS_TO_END)

    def _start(self) -> None:
        if self._thread is not None:
            return
        thread = threading.Thread(target=self._run, name="capture", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads may be started: what waits stays, until it is too much
            return
        self._thread = thread

    def _run(self) -> None:
        is_last = False
        while not is_last:
            is_last = self._stopping.wait(_SECONDS_BETWEEN_LOOKS)
            while self._waiting:
                settings, exchange = self._waiting.popleft()
                result = self._write(settings, exchange)
                if exchange is not None:
                    self._count(result)
                    self._taken += exchange.size
                time.sleep(0)  # lets requests go first
        if self._settings is not None:
            self._ring.close()

    def _write(self, settings: CaptureSettings, exchange: Exchange | None) -> str:
        try:
            if settings != self._settings:
                self._change(settings)
            if exchange is None:
                self._ring.open()
                return "written"
            is_kept = self._ring.add(line(exchange, settings, self._redactor))
        except OSError as error:
            self._tell(f"requests are not captured: {settings.folder}: {error.strerror or error}")
            return "failed"
        except Exception as error:
            # Its text may hold what the request holds.
            self._tell(f"a request was not captured: {type(error).__name__}")
            return "failed"
        if not is_kept:
            self._tell("a request was not captured: it takes more than half of spec.capture.keep.megabytes")
            return "failed"
        self._trouble = ""
        return "written"

    def _change(self, settings: CaptureSettings) -> None:
        if self._settings is not None:
            self._ring.close()
        self._redactor = Redactor(settings.redact, settings.paths, self._salt) if settings.redact else None
        rules = "\n".join(sorted(settings.redact))
        self._ring = Ring(settings.folder, settings.requests, settings.bytes, rules)
        self._settings = settings

    def _tell(self, trouble: str) -> None:
        """Log trouble once, until something is written again."""
        if trouble != self._trouble:
            self._trouble = trouble
            logger.warning("%s", trouble)
