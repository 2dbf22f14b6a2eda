"""Finds a lock by its digest, for what was served with it before."""

import contextlib
from pathlib import Path

from localmodel.environments.locks.lock import Lock, kept
from localmodel.errors import UserError


def find(digest: str, *folders: Path) -> Lock | None:
    """The lock, if a file ending in .txt in one of the folders still has it."""
    for folder in folders:
        for path in sorted(folder.glob("*.txt")):
            with contextlib.suppress(UserError):  # a lock that cannot be read does not count
                if (lock := kept(path)).digest == digest:
                    return lock
    return None
