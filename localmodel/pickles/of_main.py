"""Names in `__main__` that pickles need: those of the script or notebook that saved them.

A worker looks them up in the entry script, which is only read here, and not run.
"""

import ast
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from localmodel.pickles.mismatch import Examined

_MAIN = "__main__."
# A script that uses one of these may define names that cannot be read in it.
_UNREADABLE = {"globals", "vars", "exec", "setattr", "modules", "__main__", "__getattr__", "driver_module", "*"}


def names(pickles: Mapping[str, Any]) -> list[str]:
    """The classes and functions in `__main__` that the pickles in a report of `examine()` need."""
    imported = {name for file in pickles.get("files", {}).values() for name in file["globals"]}
    return sorted({name.split(".")[1] for name in imported if name.startswith(_MAIN)})


def advice(wanted: Sequence[str]) -> str:
    """A sentence on how to make the names available to a worker."""
    them = _them(wanted)
    return (
        f"{', '.join(wanted)}: of the script that saved it; define {them} in the entry script, or import {them} there"
    )


def lacking(models: Iterable[Examined], entry: str, source: bytes) -> list[str]:
    """A sentence for each model that needs names which the source of the entry script certainly lacks."""
    try:
        bound = set(_bound(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError):
        return []
    if not _UNREADABLE.isdisjoint(bound):
        return []
    sentences = []
    for model in models:
        if missing := [name for name in names(model.pickles) if name not in bound]:
            them = _them(missing)
            who = f"model {model.name}:{model.version} needs {', '.join(missing)} of the script that saved it"
            sentences.append(f"{who}, and {entry} does not have {them}; define {them} there, or import {them} there")
    return sentences


def _them(wanted: Sequence[str]) -> str:
    return "it" if len(wanted) == 1 else "them"


def _bound(tree: ast.Module) -> Iterable[str]:
    """Every name that the source binds anywhere, which is more than the module will have; and what may bind others."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
            yield from (alias.name for alias in node.names if alias.name in _UNREADABLE)
        elif isinstance(node, ast.Name) and (isinstance(node.ctx, ast.Store) or node.id in _UNREADABLE):
            yield node.id
        elif isinstance(node, ast.Attribute) and node.attr in _UNREADABLE:
            yield node.attr
