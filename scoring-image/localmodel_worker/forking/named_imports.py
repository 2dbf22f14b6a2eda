"""What user code names in its import statements."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator


def named_imports(files: Iterable[str]) -> list[str]:
    """Modules in memory that source files import by name, wherever in the file, with the packages around them."""
    names: dict[str, None] = {}
    for file in files:
        try:
            with open(file, "rb") as source:
                tree = ast.parse(source.read())
        except (OSError, ValueError, SyntaxError, RecursionError):
            continue
        names.update(dict.fromkeys(_named(tree)))
    return [name for name in names if name in sys.modules]


def _named(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _with_parents(alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from _with_parents(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _with_parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    return (".".join(parts[:length]) for length in range(1, len(parts) + 1))
