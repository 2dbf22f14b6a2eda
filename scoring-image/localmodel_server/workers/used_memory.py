"""The memory that the server and every process below it take together."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from localmodel_server.workers.free_memory import proportional_bytes


def used_bytes() -> int:
    """Bytes of this process and those it has started; what they share counts once. 0 where the system does not say."""
    return sum(proportional_bytes(pid) for pid in _tree(os.getpid()))


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:  # threads come and go
            continue
        for child in children:
            yield from _tree(int(child))
