"""A trained model that is an object of this program, written down as a file."""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

from localmodel import no_code, pickles, reasons
from localmodel.errors import UserError
from localmodel.resource.spec import EnvironmentSpec
from localmodel.sdk import installed

_FILE = "model.joblib"


def is_estimator(value: object) -> bool:
    """Whether it is an object that predicts."""
    return not isinstance(value, type) and callable(getattr(value, "predict", None))


def save(estimator: Any, folder: Path) -> Path:
    """Write it with joblib, and return the file.

    Raises:
        UserError: ModelIncomplete: it cannot be pickled, or joblib is missing.
    """
    kind = type(estimator).__name__
    try:
        joblib = import_module("joblib")  # as the program has it
    except ImportError:
        raise UserError(
            reasons.MODEL_INCOMPLETE, f"the {kind} cannot be saved: joblib is missing; pip install joblib"
        ) from None
    path = folder / _FILE
    try:
        joblib.dump(estimator, path)
    except Exception as error:  # whatever its own code raises
        why = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(
            reasons.MODEL_INCOMPLETE,
            f"the {kind} cannot be pickled: {why}; use functions with names of a module, not lambdas",
        ) from None
    return path


def environment(path: Path, name: str, python: str) -> EnvironmentSpec:
    """What the model in the file needs, with this program's Python and its versions of packages.

    Raises:
        UserError: ScriptNeeded: the model cannot be served without a script.
    """
    needed = no_code.scoring(path, name).environment.requirements
    here = installed.requirements([*pickles.examine(path).get("modules", ()), "joblib"], "the model")
    pinned = {_name(requirement) for requirement in here}
    return EnvironmentSpec(
        python, (*here, *(requirement for requirement in needed if _name(requirement) not in pinned))
    )


def _name(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[^A-Za-z0-9._-]", requirement)[0]).lower()
