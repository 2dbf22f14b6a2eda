"""Checks an entry script without running it: it parses, and it has init() and run()."""

import ast
import re
from collections.abc import Mapping

from localmodel import reasons
from localmodel.errors import UserError
from localmodel_untrusted.files import UTF16, is_utf16

# The same pattern as in the resource's schema.
_NAME = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.-]*/)*[A-Za-z0-9_][A-Za-z0-9_.-]*\.py")
_LONGEST = 200


def named(entry: str) -> str:
    """Check the entry script's path in its folder, and return it.

    Raises:
        UserError: EntryScriptInvalid.
    """
    if len(entry) > _LONGEST or not _NAME.fullmatch(entry):
        raise UserError(reasons.ENTRY_SCRIPT_INVALID, wrong_name(entry))
    return entry


def wrong_name(entry: str) -> str:
    """A message about an invalid name of an entry script, with what to do."""
    return (
        f"{entry!r} cannot be the path of an entry script: it may have the letters A to Z, digits, '_', '-' and '.', "
        f"ends with .py, and has at most {_LONGEST} characters; rename it"
    )


def check(files: Mapping[str, bytes], entry: str) -> None:
    """Check the entry script in the files of the source folder (path -> content).

    Raises:
        UserError: EntryScriptMissing, EntryScriptInvalid; the message names file and line.
    """
    if entry not in files:
        raise UserError(
            reasons.ENTRY_SCRIPT_MISSING,
            f"spec.scoring.entryScript: {entry} not in the source, which has: {', '.join(sorted(files)) or 'no file'}",
        )
    for path in sorted(files):
        if path.endswith(".py"):
            tree = _parse(path, files[path])
            if path == entry:
                _require_functions(path, tree)


def _parse(path: str, content: bytes) -> ast.Module:
    if is_utf16(content):
        raise UserError(reasons.ENTRY_SCRIPT_INVALID, f"{path}: {UTF16}")
    try:
        return ast.parse(content, filename=path)
    except (SyntaxError, ValueError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        detail = error.msg if isinstance(error, SyntaxError) else str(error)
        raise UserError(reasons.ENTRY_SCRIPT_INVALID, f"{path}{line}: SyntaxError: {detail}") from None


def _require_functions(path: str, tree: ast.Module) -> None:
    names = _module_names(tree)
    if "*" in names:
        return  # a star import may define them; the worker will report it
    for name, signature in (("init", "init()"), ("run", "run(raw_data)")):
        if name not in names:
            raise UserError(
                reasons.ENTRY_SCRIPT_INVALID,
                f"{path}: no function {signature}; an entry script defines init() and run(raw_data) at its top level",
            )


def _module_names(tree: ast.Module) -> set[str]:
    """The names that the module's top level may bind, in any branch."""
    names: set[str] = set()
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
            continue  # names inside are not the module's
        if isinstance(node, ast.Import | ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        pending.extend(ast.iter_child_nodes(node))
    return names
