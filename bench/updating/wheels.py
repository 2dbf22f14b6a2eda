"""The packages that are added, as files: the other ways install them without asking an index."""

import sys
from pathlib import Path

from updating.project import PACKAGES
from updating.site import run


def fetch(folder: Path) -> Path:
    """The wheels, and pip's own: the environment has none."""
    run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), "pip", *PACKAGES)
    return folder
