"""A pickle's `__main__` is the entry script: what a notebook or a training script had defined is looked up there.

The process's own `__main__` stays: multiprocessing and debuggers read it. What it lacks it asks for.
"""

from __future__ import annotations

import re
import sys
from types import ModuleType
from typing import Any

# As pickle says it, in C and in Python, and as a module does.
_NOT_FOUND = re.compile(r"'([^']+)' on <module '__main__'|module '__main__' has no attribute '([^']+)'")


def look_up_in(script: ModuleType) -> None:
    """Find names that `__main__` does not have in an entry script, or in the module that it drives."""

    def find(name: str) -> Any:
        # Who asks for those asks about the process.
        if not (name.startswith("__") and name.endswith("__")):
            for place in (script, vars(script).get("driver_module")):
                if isinstance(place, ModuleType) and hasattr(place, name):
                    return getattr(place, name)
        raise AttributeError(f"module '__main__' has no attribute {name!r}")

    sys.modules["__main__"].__getattr__ = find  # type: ignore[method-assign]


def explain(error: BaseException, script: str) -> None:
    """Have an error that a name is not in `__main__` say what that means, and what to do."""
    match = _NOT_FOUND.search(str(error.args[0])) if isinstance(error, AttributeError) and error.args else None
    if match is not None:
        name = match[1] or match[2]
        if hasattr(sys.modules["__main__"], name):
            return  # another process has asked, whose own it is not
        whose = f"{name}: of the script that saved the pickle, and {script} does not have it"
        error.args = (f"{whose}; define it there, or import it there",)
