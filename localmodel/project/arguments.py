"""Checks the kinds of a caller's arguments before anything is changed."""

import math
import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.resource.spec import EnvironmentSpec
from localmodel.store import EnvironmentVersion


def check(**arguments: object) -> None:
    """Each argument has a value that its parameter takes; the content is checked where it is used.

    Raises:
        UserError: ArgumentInvalid.
    """
    for name, value in arguments.items():
        fits, wanted = _ARGUMENTS[name]
        if not fits(value):
            raise wrong(name, wanted, value)


def wrong(name: str, wanted: str, value: object) -> UserError:
    """The error for an argument; it shows numbers only, because any other value may be long or a secret."""
    shown = (
        repr(value) if value is None or isinstance(value, int | float) else f"a value of type {type(value).__name__}"
    )
    return UserError(reasons.ARGUMENT_INVALID, f"{name}: give {wanted}, not {shown}")


def _is_path(value: object) -> bool:
    return isinstance(value, str | os.PathLike)


def _is_environment(value: object) -> bool:
    if value is None or isinstance(value, EnvironmentVersion | EnvironmentSpec | str | Path):
        return True
    if isinstance(value, Mapping) or not isinstance(value, Collection):
        return False
    return all(isinstance(item, str) for item in value)


def _is_time(value: object) -> bool:
    return value is None or (_is_number(value) and value >= 0)  # type: ignore[operator]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


def _is_progress(value: object) -> bool:
    return value is None or isinstance(value, bool) or (hasattr(value, "step") and hasattr(value, "note"))


_ARGUMENTS: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "name": (lambda value: isinstance(value, str), "the deployment's name"),
    "script": (_is_path, "the path of the entry script"),
    "source_directory": (lambda value: value is None or _is_path(value), "the path of a folder"),
    "environment": (
        _is_environment,
        "an EnvironmentVersion or EnvironmentSpec, a name or path, or a list of requirements",
    ),
    "variables": (lambda value: value is None or isinstance(value, Mapping), "a dict such as {'NAME': 'value'}"),
    "server": (lambda value: value is None or isinstance(value, Mapping), "a dict such as {'workers': 2}"),
    "last": (
        lambda value: isinstance(value, int) and value is not True and value > 0,
        "a number of requests, 1 or more",
    ),
    "timeout": (_is_time, "a number of seconds, 0 or more"),
    "progress": (_is_progress, "True, False or a Progress"),
}
