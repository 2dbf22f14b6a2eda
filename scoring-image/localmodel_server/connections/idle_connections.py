"""Closes idle connections of a server that is about to end."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

# Who asks more often than this is told so in an answer: a close could cross their next request.
_IDLE_SECONDS = 1.0


def close_idle(connections: Collection[Any]) -> int:
    """Close the idle ones of these connections (JsonErrorProtocol); returns how many may still bring a request.

    One that is being answered ends with its answer, because the server is draining.
    """
    now = asyncio.get_running_loop().time()
    return sum(connection.is_kept(now, _IDLE_SECONDS) for connection in list(connections))
