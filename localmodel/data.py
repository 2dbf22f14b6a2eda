"""Finds the data files of this package, in the checkout or in the installed package."""

from pathlib import Path


def folder(name: str) -> Path:
    """The path of `crds` or `scoring-image`."""
    package = Path(__file__).parent
    installed = package / "_data" / name
    return installed if installed.is_dir() else package.parent / name
