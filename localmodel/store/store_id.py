"""The id of a store, which stays when the folder moves, for labels on what belongs to it elsewhere."""

import contextlib
import re
import uuid
from pathlib import Path

from localmodel.disk import files, state_file

_ID = re.compile("[0-9a-f]{32}")


def of(store: Path) -> str:
    """The store's id, created at the first call."""
    path = store / "id"
    with contextlib.suppress(FileExistsError):
        files.create(path, uuid.uuid4().hex.encode())
    do = "restore it: what the engine has for this store is known by it"
    return state_file.load(path, _parse, do) or ""


def _parse(content: bytes) -> str:
    if not _ID.fullmatch(text := content.decode()):
        raise ValueError("it is not an id")
    return text
