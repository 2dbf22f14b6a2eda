"""Folders on the user's machine. LOCALMODEL_HOME moves all of them."""

import os
from pathlib import Path

from localmodel import reasons
from localmodel.errors import UserError


def home() -> Path:
    """Folder of everything that is kept: `~/.localmodel` unless LOCALMODEL_HOME says otherwise.

    It is one path however the folder is spelled, by links or with `..`: servers and containers are known by it.

    Raises:
        UserError: HomeUnusable, when the home folder that `~` stands for is not known.
    """
    try:
        path = Path(os.environ.get("LOCALMODEL_HOME") or Path.home() / ".localmodel").expanduser().absolute()
    except (RuntimeError, OSError) as error:  # also of a relative one, where the current folder has gone
        raise UserError(reasons.HOME_UNUSABLE, f"LOCALMODEL_HOME: {error}; give an absolute path") from None
    there = next(above for above in (path, *path.parents) if os.path.lexists(above))
    try:
        there.resolve(strict=True)
    except (RuntimeError, OSError):
        return path  # a link that leads nowhere, or to itself: whoever makes the folder is told
    return Path(os.path.realpath(path))


def store() -> Path:
    """Folder of the store: models, locks, image layers."""
    return home() / "store"


def build_log(environment: str) -> Path:
    """Where the build of the environment with this key writes what it says."""
    return home() / "build-logs" / f"{environment}.log"


def debuggers() -> Path:
    """Where every debugpy that was ever wanted lies."""
    return home() / "debugger"
