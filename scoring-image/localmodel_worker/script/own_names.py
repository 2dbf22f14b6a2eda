"""Files of the user's that are named as modules of Python: who wins, and what to say of it when that goes wrong."""

from __future__ import annotations

import re
import sys
from pathlib import Path

_MODULES = re.compile(r"module '(\w+)' has no attribute|from '(\w+)|'(\w+)' is not a package")


def advice(message: str, code_folder: Path) -> str:
    """What to do about an error with this text, if it comes of such a file; "" for any other."""
    match = _MODULES.search(message)
    # From Python 3.13 on the text may say so itself.
    if match is None or "consider renaming" in message:
        return ""
    name = next(filter(None, match.groups()))
    if name not in getattr(sys, "stdlib_module_names", ()):
        return ""
    file = Path(getattr(sys.modules.get(name), "__file__", None) or "/")
    if code_folder in file.parents:
        return f"your {file.relative_to(code_folder)} takes the place of Python's own module {name}: rename it"
    if (code_folder / f"{name}.py").exists():
        return f"this is Python's own module {name}, which was loaded before your {name}.py: rename yours"
    return ""
