"""Closing a connection so that the client sees the answer before it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_SECONDS_TO_LISTEN = 1.0


class LingeringTransport:
    """A transport that keeps reading for a moment if the client is still sending when it is closed.

    Without that the kernel answers what comes in after the close with a reset, at which the client's kernel
    throws away an answer that has not been read yet.
    """

    def __init__(self, transport: asyncio.Transport, is_sending: Callable[[], bool]) -> None:
        self._transport = transport
        self._is_sending = is_sending
        self._listens = False
        self.write: Callable[[bytes], None] = transport.write
        self.get_write_buffer_size = transport.get_write_buffer_size
        self.abort = transport.abort

    def forget(self) -> None:
        """Drop what is written from now on, because the connection is lost."""
        self.write = lambda data: None

    def is_closing(self) -> bool:
        """Whether nothing can be written any more."""
        return self._listens or self._transport.is_closing()

    def close(self) -> None:
        """Send what has been written, and close."""
        if self.is_closing():
            return
        if self._is_sending():
            self._listens = True
            self._transport.write_eof()
            asyncio.get_running_loop().call_later(_SECONDS_TO_LISTEN, self._transport.close)
        else:
            self._transport.close()
