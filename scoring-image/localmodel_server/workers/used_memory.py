"""The memory that the server and every process below it take together."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from localmodel_server.workers.free_memory import proportional_bytes


def used_bytes() -> int:
    """Bytes of this process and those it has started; what they share counts once. 0 where the system does not say."""
    return sum(proportional_bytes(pid) for pid in _tree(os.getpid()))


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for thread in _threads(pid):
        children = ""
        with suppress(OSError):
            children = (thread / "children").read_text()
        for child in children.split():
            yield from _tree(int(child))


def _threads(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:  # processes and threads come and go
        return []
