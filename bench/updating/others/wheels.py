"""The added packages as wheels, which the other ways install without an index."""

import sys
from pathlib import Path

from updating.project import PACKAGES
from updating.site import run


def fetch(folder: Path) -> Path:
    """Download the wheels, and pip's, because the environment does not have pip."""
    run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), "pip", *PACKAGES)
    return folder
