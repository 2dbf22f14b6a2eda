"""The program `lmd` itself, for commands that start it again."""

import sys
from pathlib import Path


def path() -> Path:
    """The lmd that runs now, whatever the PATH is later."""
    beside = Path(sys.executable).with_name("lmd")
    return beside if beside.exists() else Path(sys.argv[0]).absolute()
