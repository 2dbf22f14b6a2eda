"""What a source folder's own file says is to be left out of it, in the words of .gitignore."""

from collections.abc import Callable
from pathlib import Path

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
        return name, GitIgnoreSpec.from_lines(lines).match_file
    except ValueError as error:
        raise UserError("SourceInvalid", f"{folder / name}: {error}") from None
