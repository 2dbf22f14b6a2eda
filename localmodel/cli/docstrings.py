"""Commands as lists of them show them, read from their source: to import all of them takes seconds."""

import ast
from importlib.util import find_spec
from pathlib import Path

import click


def command(module: str, function: str) -> click.Command:
    """A command with nothing but the help of this function, which makes the real one."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)
    tree = ast.parse(Path(spec.origin).read_bytes())
    text = next(
        (ast.get_docstring(node) for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function),
        None,
    )
    return click.Command(function, help=text)
