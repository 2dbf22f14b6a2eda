"""Whether a function seems to keep something from one call to the next."""

from __future__ import annotations

import dis
import inspect
from typing import Any, Callable

_KEEPING = {"STORE_GLOBAL", "DELETE_GLOBAL", "STORE_ATTR", "DELETE_ATTR"}


def keeps_state(function: Callable[..., Any]) -> bool:
    """Whether order or number of its calls could matter: it sets globals or attributes, or waits in between.

    What it does in the functions that it calls is not looked at.
    """
    code = getattr(function, "__code__", None)
    if code is None or inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        return True
    return any(instruction.opname in _KEEPING for instruction in dis.get_instructions(code))
