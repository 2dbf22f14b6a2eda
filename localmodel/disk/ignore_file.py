"""What a source folder's own file says is to be left out of it, in the words of .gitignore."""

import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from localmodel import reasons
from localmodel.disk.folder import kind
from localmodel.errors import UserError
from localmodel_untrusted.files import decoded, read_file

# The first that is there counts; that .amlignore goes before .gitignore is Azure ML's rule.
NAMES = (".lmdignore", ".amlignore", ".gitignore")


def find(folder: Path) -> tuple[str, Callable[[str], bool]]:
    """The folder's file, "" if it has none, and whether it names a path of the folder (a folder's ends with "/").

    Raises:
        UserError: SourceInvalid.
    """
    name = next((name for name in NAMES if (folder / name).is_file()), "")
    if not name:
        return "", lambda path: False
    from pathspec import GitIgnoreSpec  # most folders do without

    try:
        lines = decoded(read_file(folder / name) or b"").removeprefix("\ufeff").splitlines()
    except ValueError as error:
        raise UserError(reasons.SOURCE_INVALID, f"{folder / name}: {error}") from None
    return name, GitIgnoreSpec([pattern for line in lines for pattern in _patterns(line)]).match_file


def leaves_out(folder: Path, path: str) -> str:
    """The name of the folder's file, if that path (a folder's ends with "/") is there, and the file leaves it out."""
    if kind(folder / path) is None:
        return ""
    try:
        name, is_ignored = find(folder)
    except UserError:
        return ""
    above = [f"{parent}/" for parent in PurePosixPath(path).parents]
    return name if any(is_ignored(each) for each in (path, *above)) else ""


def _patterns(line: str) -> list[Any]:
    """One, or none: what is not a pattern, such as "!" alone, matches nothing for git."""
    from pathspec import GitIgnoreSpec

    try:
        return list(GitIgnoreSpec.from_lines([line]).patterns)
    except (ValueError, re.error):
        return []
