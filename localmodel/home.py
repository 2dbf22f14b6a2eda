"""Folders on the user's machine. LOCALMODEL_HOME moves all of them."""

import os
from pathlib import Path

from localmodel.errors import UserError


def home() -> Path:
    """Folder of everything that is kept: `~/.localmodel` unless LOCALMODEL_HOME says otherwise.

    Raises:
        UserError: HomeUnusable, when the home folder that `~` stands for is not known.
    """
    try:
        return Path(os.environ.get("LOCALMODEL_HOME") or Path.home() / ".localmodel").expanduser().absolute()
    except (RuntimeError, OSError) as error:  # also of a relative one, where the current folder has gone
        raise UserError("HomeUnusable", f"LOCALMODEL_HOME: {error}; name a folder by its whole path") from None


def store() -> Path:
    """Folder of the store: models, locks, image layers."""
    return home() / "store"


def build_log(environment: str) -> Path:
    """Where the build of the environment with this key writes what it says."""
    return home() / "build-logs" / f"{environment}.log"
