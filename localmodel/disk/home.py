"""Folders on the user's machine. LOCALMODEL_HOME moves all of them."""

import os
import re
from pathlib import Path

from localmodel import reasons
from localmodel.errors import UserError

_SHARED_STORE = re.compile(r"oci://[A-Za-z0-9.\[\]:-]+(/[a-z0-9]+([._-]+[a-z0-9]+)*)+")


def home() -> Path:
    """The home folder: LOCALMODEL_HOME, by default `~/.localmodel`.

    The path is resolved, so that servers and containers can be recognised by it.

    Raises:
        UserError: HomeUnusable, if `~` is unknown.
    """
    try:
        path = Path(os.environ.get("LOCALMODEL_HOME") or Path.home() / ".localmodel").expanduser().absolute()
    except (RuntimeError, OSError) as error:  # also a relative one, if the current folder was removed
        raise UserError(reasons.HOME_UNUSABLE, f"LOCALMODEL_HOME: {error}; give an absolute path") from None
    existing = next(above for above in (path, *path.parents) if os.path.lexists(above))
    try:
        existing.resolve(strict=True)
    except (RuntimeError, OSError):
        return path  # a broken or circular link, which making the folder reports
    return Path(os.path.realpath(path))


def store() -> Path:
    """The folder of the store: models, locks, image layers."""
    return home() / "store"


def shared_store() -> str | None:
    """The repository that LOCALMODEL_STORE names as the store's, as `host/path`; None: the store is a folder.

    Raises:
        UserError: SharedStoreInvalid.
    """
    text = os.environ.get("LOCALMODEL_STORE", "")
    if text and not _SHARED_STORE.fullmatch(text):
        raise UserError(
            reasons.SHARED_STORE_INVALID,
            f"LOCALMODEL_STORE is {text!r}: write oci://HOST/PATH, such as oci://registry.example.com/team/store, in "
            "small letters and without a tag",
        )
    return text.removeprefix("oci://") or None


def build_log(environment: str) -> Path:
    """The file with the build log of the environment with this key."""
    return home() / "build-logs" / f"{environment}.log"


def debuggers() -> Path:
    """The folder with downloaded versions of debugpy."""
    return home() / "debugger"
