"""What pickles want of `__main__`: names of the script or notebook that saved them.

A worker looks them up in the entry script. Whether they are there can only be read: the script is not run.
"""

import ast
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from localmodel.pickles.mismatch import Examined

_MAIN = "__main__."
# With one of these a script may have names that nobody can read in it.
_UNREADABLE = {"globals", "vars", "exec", "setattr", "modules", "__main__", "__getattr__", "driver_module", "*"}


def names(pickles: Mapping[str, Any]) -> list[str]:
    """The classes and functions in `__main__` that what examine() found would look for."""
    imported = {each for file in pickles.get("files", {}).values() for each in file["globals"]}
    return sorted({each.split(".")[1] for each in imported if each.startswith(_MAIN)})


def advice(wanted: Sequence[str]) -> str:
    """How a worker finds them."""
    them = _them(wanted)
    return (
        f"{', '.join(wanted)}: of the script that saved it; define {them} in the entry script, or import {them} there"
    )


def lacking(models: Iterable[Examined], entry: str, source: bytes) -> list[str]:
    """A sentence for each model with names that its entry script, of this source, surely lacks."""
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
    """Every name that the source binds, wherever, which is more than the module will have; and what hides others."""
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
