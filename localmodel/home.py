"""Folders on the user's machine. LOCALMODEL_HOME moves all of them."""

import os
from pathlib import Path


def home() -> Path:
    """Folder of everything that is kept: `~/.localmodel` unless LOCALMODEL_HOME says otherwise."""
    return Path(os.environ.get("LOCALMODEL_HOME") or Path.home() / ".localmodel").expanduser().absolute()


def store() -> Path:
    """Folder of the store: models, locks, image layers."""
    return home() / "store"


def build_log(environment: str) -> Path:
    """Where the build of the environment with this key writes what it says."""
    return home() / "build-logs" / f"{environment}.log"
