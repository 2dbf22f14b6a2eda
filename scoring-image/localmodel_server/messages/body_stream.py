"""The body of an answer that the script makes piece by piece."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

_MANY = 16


class BrokenOffError(Exception):
    """The body has ended before it was complete."""


class BodyStream:
    """A body on its way from a worker to a client, a few pieces at a time: a slow client slows the worker down."""

    def __init__(self, pause: Callable[[], None], resume: Callable[[], None], cancel: Callable[[], None]) -> None:
        self._pieces: deque[bytes] = deque()
        self._arrived = asyncio.Event()
        self._ended = False
        self._stopped = False
        self.is_broken = False
        self._pause, self._resume, self._cancel = pause, resume, cancel

    def put(self, piece: bytes) -> None:
        """Append a piece that the worker has sent, unless nobody takes it."""
        if self._stopped:
            return
        self._pieces.append(piece)
        if len(self._pieces) == _MANY:
            self._pause()
        self._arrived.set()

    def end(self, broken: bool) -> None:
        """No piece will follow."""
        self._ended, self.is_broken = True, broken
        self._arrived.set()

    async def next(self) -> bytes | None:
        """The next piece, None after the last one.

        Raises:
            BrokenOffError
        """
        while not self._pieces:
            if self._ended:
                if self.is_broken:
                    raise BrokenOffError
                return None
            self._arrived.clear()
            await self._arrived.wait()
        if len(self._pieces) == _MANY:
            self._resume()
        return self._pieces.popleft()

    def stop(self) -> None:
        """Stop reading: have the worker end the rest."""
        if not self._ended and not self._stopped:
            self._stopped = True
            self._cancel()
            if len(self._pieces) >= _MANY:
                self._resume()
            self._pieces.clear()
