"""Errors for models that cannot be served without a script."""

import shlex
from pathlib import Path

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.output.paths import from_here

_SCRIPT = "score.py"
ADVICE = f"; write a {_SCRIPT} that loads it: lmd init starts one"


def needs_script(path: Path, why: str) -> UserError:
    """The error for a valid model that needs a script."""
    if (path.parent / _SCRIPT).is_file():
        here = from_here(path)
        command = shlex.join(["lmd", "apply", str(here.parent), "--model", str(here)])
        return UserError(reasons.SCRIPT_NEEDED, f"{path.name}: {why}; {_SCRIPT} lies beside it: {command}")
    return UserError(reasons.SCRIPT_NEEDED, f"{path.name}: {why}{ADVICE}")


def unreadable(path: Path, why: str) -> UserError:
    """The error for a file that is damaged, or not of the kind that its name says."""
    return UserError(reasons.MODEL_UNREADABLE, f"{path.name} cannot be read as a model: {why}")
