"""Paths as somebody at a terminal would write them."""

from pathlib import Path


def from_here(path: Path) -> Path:
    """The path as somebody in the current folder would write it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def absolute(path: Path) -> Path:
    """The absolute path without `..`. Links in it stay, except one that `..` goes up from, which leads elsewhere."""
    place = Path()
    for part in path.absolute().parts:
        if part != "..":
            place /= part
        else:
            place = (place.resolve() if place.is_symlink() else place).parent
    return place
