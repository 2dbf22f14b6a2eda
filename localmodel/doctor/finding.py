"""A finding, the result of one check."""

import subprocess
from dataclasses import dataclass
from typing import Literal

_SECONDS = 4


@dataclass(frozen=True)
class Finding:
    """The result of one check. `fix` is "" if there is nothing to do."""

    level: Literal["ok", "warn", "fail"]
    what: str
    found: str
    fix: str = ""


def first_line(command: list[str]) -> str:
    """The first line that the command prints.

    Raises:
        OSError, subprocess.SubprocessError: it does not run, fails, or takes too long.
    """
    result = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=True)
    return (result.stdout.splitlines() or [""])[0]


def size(count: int) -> str:
    """A number of bytes, in words."""
    return f"{count / (1 << 30):.0f} GiB"
