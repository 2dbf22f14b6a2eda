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
_MOST_AT_ONCE = 1 << 20  # bytes, and never more than a quarter of spec.capture.keep.megabytes
_SECONDS_AT_ONCE = 0.001
_SECONDS_OF_REST = 0.001  # between parts of what waits
_SECONDS_TO_GATHER = 0.02  # when all of it is written
_SECONDS_BETWEEN_LOOKS = 0.1
_SECONDS_TO_END = 2.0


class Writer:
    """`count` is called with what became of each exchange: `written`, `dropped` or `failed`.

    What waits are exchanges, whose records the thread makes, and records that are made.

    follow(), put() and close() are for one thread, that of the event loop.
    """

    def __init__(self, count: Callable[[str], None]) -> None:
        self._count = count
        self._waiting: deque[tuple[CaptureSettings, Exchange | bytes | None]] = deque()
        self._put = 0  # bytes; each of the two is changed by one thread only
        self._taken = 0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._salt = secrets.token_bytes(32)
        self._settings: CaptureSettings | None = None
        self._ring: Ring
        self._most_at_once = _MOST_AT_ONCE
        self._redactor: Redactor | None = None
        self._trouble = ""

    def follow(self, settings: CaptureSettings) -> None:
        """Have what was written under other rules removed, before the next exchange comes."""
        self._waiting.append((settings, None))
        self._start()

    def put(self, settings: CaptureSettings, kept: Exchange | bytes) -> None:
        """Have the exchange, or its record, written, or drop it."""
        size = len(kept) if isinstance(kept, bytes) else kept.size
        if len(self._waiting) >= _MOST_EXCHANGES or self._put - self._taken + size > _MOST_BYTES:
            self._count("dropped")
            return
        self._put += size
        self._waiting.append((settings, kept))
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
                is_behind = self._write_some()
                self._stopping.wait(_SECONDS_OF_REST if is_behind else _SECONDS_TO_GATHER)
        if self._settings is not None:
            self._ring.close()

    def _write_some(self) -> bool:
        """Write what is encoded in a moment, all at once; return whether more had come before it began.

        Every call of the system hands the interpreter to the event loop and back, which takes longer than to encode a
        line.
        """
        began, left = time.thread_time(), len(self._waiting)
        lines: list[bytes] = []
        size = 0
        while left and size < self._most_at_once and time.thread_time() - began < _SECONDS_AT_ONCE:
            settings, kept = self._waiting.popleft()
            left -= 1
            if settings is not self._settings:
                self._write(lines)
                lines, size = [], 0
                self._change(settings)
            if kept is None:
                continue
            written = self._line(kept, settings)
            if written is None:
                continue
            if size + len(written) > self._most_at_once:
                self._write(lines)
                lines, size = [], 0
            lines.append(written)
            size += len(written)
        self._write(lines)
        return left > 0

    def _line(self, kept: Exchange | bytes, settings: CaptureSettings) -> bytes | None:
        """The record of what has waited; None if it cannot be made."""
        if isinstance(kept, bytes):
            self._taken += len(kept)
            return kept
        self._taken += kept.size
        try:
            return line(kept, settings, self._redactor)
        except Exception as error:
            # Its text may hold what the request holds.
            self._tell(f"a request was not captured: {type(error).__name__}")
            self._count("failed")
            return None

    def _write(self, lines: list[bytes]) -> None:
        if not lines:
            return
        result = "failed"
        try:
            if self._ring.add(b"".join(lines), len(lines)):
                result, self._trouble = "written", ""
            else:
                self._tell(
                    "a request was not captured: its record is longer than half of spec.capture.keep.megabytes; "
                    "raise keep.megabytes"
                )
        except OSError as error:
            self._tell_of(error)
        for _ in lines:
            self._count(result)

    def _change(self, settings: CaptureSettings) -> None:
        if self._settings is not None:
            self._ring.close()
        self._redactor = Redactor(settings.redact, settings.paths, self._salt) if settings.redact else None
        rules = "\n".join(sorted(settings.redact))
        self._ring = Ring(settings.folder, settings.requests, settings.bytes, rules)
        self._settings, self._most_at_once = settings, min(_MOST_AT_ONCE, settings.bytes // 4)
        try:
            self._ring.open()
        except OSError as error:
            self._tell_of(error)

    def _tell_of(self, error: OSError) -> None:
        where = "" if self._settings is None else f": {self._settings.folder}"
        self._tell(f"requests are not captured{where}: {error.strerror or error}")

    def _tell(self, trouble: str) -> None:
        """Log trouble once, until something is written again."""
        if trouble != self._trouble:
            self._trouble = trouble
            logger.warning("%s", trouble)
