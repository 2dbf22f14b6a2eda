"""Which store is this: a name that stays while the folder moves, for what is labelled with it elsewhere."""

import contextlib
import uuid
from pathlib import Path

from localmodel import files


def of(store: Path) -> str:
    """The store's id, made when it is first asked for."""
    path = store / "id"
    with contextlib.suppress(FileExistsError):
        files.create(path, uuid.uuid4().hex.encode())
    return path.read_text()
