"""Chooses which requests are captured."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from localmodel_server.capture.exchange import Exchange
from localmodel_server.capture.record import is_quick, line
from localmodel_server.capture.tap import Room
from localmodel_server.capture.writer import Writer
from localmodel_server.configuration.capture import CaptureSettings

_MOST_BYTES = 32 << 20  # of requests that have not been answered to the end


class Capture:
    """Captures exactly the share of the requests that the settings say, spread evenly."""

    def __init__(self, count: Callable[[str], None]) -> None:
        self._writer = Writer(count)
        self.room = Room(_MOST_BYTES)
        self._due = 99  # so that the first request is captured

    def follow(self, settings: CaptureSettings | None) -> None:
        """Have what is kept fit the settings of the revision that serves from now on."""
        if settings is not None:
            self._writer.follow(settings)

    def chooses(self, settings: CaptureSettings) -> bool:
        """Whether to capture this request; call it once for each."""
        self._due += settings.percent
        if self._due < 100:
            return False
        self._due -= 100
        return True

    def take(self, settings: CaptureSettings, exchange: Exchange) -> None:
        """Have the exchange written."""
        if is_quick(exchange, settings):
            # Made here: to take turns at the interpreter costs two threads more than to make a record.
            with contextlib.suppress(TypeError, ValueError):  # it has no record: the writer's thread tells of it
                self._writer.put(settings, line(exchange, settings, None))
                return
        # A client may send thousands of headers, which would take more room than all else that waits.
        self._writer.put(settings, exchange.with_headers(settings.headers))

    def close(self) -> None:
        """Write what waits, and end."""
        self._writer.close()
