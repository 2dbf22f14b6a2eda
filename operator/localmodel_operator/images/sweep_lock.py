"""The lock that builders hold together, and the sweep holds alone."""

import asyncio
import contextlib
import fcntl
from collections.abc import AsyncIterator
from pathlib import Path

from localmodel.disk import files

_POLL = 0.05  # seconds


@contextlib.asynccontextmanager
async def shared(path: Path) -> AsyncIterator[None]:
    """Hold the lock file together with others, in this process and in other operators on the same store."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.lock_file(path) as file:
        while True:
            try:
                # never wait in flock itself: who holds the lock may need this very event loop to let go of it
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(_POLL)
        yield
