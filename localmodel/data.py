"""Where the files that travel beside the code are: in the checkout, or inside the installed package."""

from pathlib import Path


def folder(name: str) -> Path:
    """Path of `crds` or `scoring-image`."""
    package = Path(__file__).parent
    installed = package / "_data" / name
    return installed if installed.is_dir() else package.parent / name
