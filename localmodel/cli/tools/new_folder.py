"""The folder that an export is written into."""

from pathlib import Path

from localmodel import reasons
from localmodel.errors import UserError


def require_new(place: Path, overwrite: bool) -> None:
    """Refuse a folder with something in it, unless it may be overwritten.

    Raises:
        UserError: FileExists.
    """
    if place.exists() and (not place.is_dir() or (any(place.iterdir()) and not overwrite)):
        raise UserError(reasons.FILE_EXISTS, f"{place} exists already; name another folder, or add --overwrite")
