"""Walks a folder as a program would see it: links are followed, and nothing is left out by default."""

import errno
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

# A limit, because links can multiply folders.
_MOST_FOLDERS = 100_000


class UnusableFolderError(Exception):
    """The folder cannot be used; the text names the file and says why."""


class DanglingLinkError(UnusableFolderError):
    """A link leads to nothing."""


def walk(root: Path, wanted: Callable[[str, Path], bool] = lambda inside, path: True) -> Iterator[tuple[str, Path]]:
    """Every file below the folder: its path inside, and its real path. `wanted` decides about files and folders.

    Raises:
        UnusableFolderError: there is a broken link, a folder in itself, something that is neither a file nor a folder,
            or something that cannot be read.
    """
    visited = 0
    pending: list[tuple[str, Path, tuple[Path, ...]]] = [("", root, (root.resolve(),))]
    while pending:
        prefix, folder, above = pending.pop()
        visited += 1
        if visited > _MOST_FOLDERS:
            raise UnusableFolderError(f"{root}: more than {_MOST_FOLDERS:,} folders, with those that links lead to")
        inner = []
        for path in _content(folder, prefix):
            inside = f"{prefix}{path.name}"
            if not wanted(inside, path):
                continue
            mode = _mode(inside, path)
            if stat.S_ISDIR(mode):
                place = path.resolve()
                if place in above:
                    raise UnusableFolderError(f"{inside}: a link to a folder that it lies in")
                inner.append((f"{inside}/", path, (*above, place)))
            elif stat.S_ISREG(mode):
                yield inside, path
            else:
                raise UnusableFolderError(f"{inside}: neither a file nor a folder")
        pending += reversed(inner)


def kind(path: Path) -> int | None:
    """The file type at the path, links followed, as in `stat.S_IFMT()`; None if it is unknown."""
    try:
        return stat.S_IFMT(path.stat().st_mode)
    except OSError:
        return None


def _content(folder: Path, prefix: str) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise UnusableFolderError(f"{prefix.rstrip('/') or folder}: cannot be read: {error.strerror}") from None


def _mode(inside: str, path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError as error:
        if path.is_symlink() and error.errno in (errno.ENOENT, errno.ENOTDIR):
            raise DanglingLinkError(f"{inside}: a link to {path.readlink()}, where there is nothing") from None
        raise UnusableFolderError(f"{inside}: cannot be read: {error.strerror}") from None
