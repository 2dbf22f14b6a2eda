"""Ends connections whose clients stall while sending a request or reading an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

SECONDS_TO_SEND = 30.0
SECONDS_TO_TAKE = 60.0
_LOOKS = 20  # within the shorter time


class StallWatch:
    """Watches the connections of a server.

    seconds_to_send is how long a client may take for a request's headers, or between two pieces of its body;
    seconds_to_take how long it may leave a sent answer unread.
    """

    def __init__(self, seconds_to_send: float = SECONDS_TO_SEND, seconds_to_take: float = SECONDS_TO_TAKE) -> None:
        self.seconds_to_send = seconds_to_send
        self._seconds_to_take = seconds_to_take
        self._left: dict[Any, tuple[int, float]] = {}  # bytes not taken, and since when it is so many

    async def run(self, connections: Collection[Any]) -> None:
        """Look at the connections, which are of JsonErrorProtocol, until cancelled."""
        while True:
            await asyncio.sleep(self.seconds_to_send / _LOOKS)
            now = asyncio.get_running_loop().time()
            self._left = {
                connection: left
                for connection in list(connections)
                if (left := self._look(connection, now)) is not None
            }

    def _look(self, connection: Any, now: float) -> tuple[int, float] | None:
        size = connection.transport.get_write_buffer_size()
        if not size:
            connection.end_if_late(now, self.seconds_to_send)
            return None
        last, since = self._left.get(connection, (0, now))
        if size != last:
            return size, now
        if now - since >= self._seconds_to_take:
            connection.transport.abort()
        return size, since
