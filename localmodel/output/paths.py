"""Paths as somebody at a terminal would write them."""

from pathlib import Path


def from_here(path: Path) -> Path:
    """The path as somebody in the current folder would write it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
