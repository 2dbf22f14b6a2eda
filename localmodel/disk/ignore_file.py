"""Reads which files of a source folder its ignore file leaves out, in the syntax of .gitignore."""

import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from localmodel import reasons
from localmodel.disk.folder import kind
from localmodel.errors import UserError
from localmodel_untrusted.files import decoded, read_file

# The first one that exists counts. .amlignore before .gitignore is Azure ML's rule.
NAMES = (".lmdignore", ".amlignore", ".gitignore")


def find(folder: Path) -> tuple[str, Callable[[str], bool]]:
    """The name of the folder's ignore file ("" if it has none), and a function that says whether it names a path.

    The path of a folder ends with "/".

    Raises:
        UserError: SourceInvalid.
    """
    name = next((name for name in NAMES if (folder / name).is_file()), "")
    if not name:
        return "", lambda path: False
    from pathspec import GitIgnoreSpec  # here, because most folders do not need it

    try:
        lines = decoded(read_file(folder / name) or b"").removeprefix("\ufeff").splitlines()
    except ValueError as error:
        raise UserError(reasons.SOURCE_INVALID, f"{folder / name}: {error}") from None
    return name, GitIgnoreSpec([pattern for line in lines for pattern in _patterns(line)]).match_file


def leaves_out(folder: Path, path: str) -> str:
    """The name of the folder's ignore file, if the path (a folder's ends with "/") exists and is left out; else ""."""
    if kind(folder / path) is None:
        return ""
    try:
        name, is_ignored = find(folder)
    except UserError:
        return ""
    above = [f"{parent}/" for parent in PurePosixPath(path).parents]
    return name if any(is_ignored(part) for part in (path, *above)) else ""


def _patterns(line: str) -> list[Any]:
    """The pattern in a line; none for an invalid one such as "!", which matches nothing in git, too."""
    from pathspec import GitIgnoreSpec

    try:
        return list(GitIgnoreSpec.from_lines([line]).patterns)
    except (ValueError, re.error):
        return []
