"""Reads the files of a source folder that belong to the code, and notes which ones it leaves out."""

import contextlib
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from localmodel import entry_script, reasons
from localmodel.disk import executable, folder, home, ignore_file
from localmodel.errors import UserError
from localmodel.output.paths import absolute
from localmodel.project.folder import own_name
from localmodel.project.place import SETTINGS

_LARGEST = 64 << 20
_MOST_FILES = 10_000
_MOST_NAMES_SAID = 6
_MADE_BY_TOOLS = {
    *(".git", ".hg", ".svn", ".vscode", ".idea", ".DS_Store", "node_modules", "__pycache__", ".ipynb_checkpoints"),
    *(".cache", ".eggs", ".mypy_cache", ".nox", ".pytest_cache", ".ruff_cache", ".tox"),
}
# What an environment's folder has (venv and virtualenv, conda), and a cache's (bford.info/cachedir).
_MARKS = ("pyvenv.cfg", "conda-meta", "CACHEDIR.TAG")


@dataclass(frozen=True)
class Source:
    """Files by path in the source folder, and what the user should know of the choice."""

    files: Mapping[str, bytes]
    notes: tuple[str, ...]


def locate(script: str | Path, source_folder: str | Path | None) -> tuple[Path, str]:
    """Where code is read from, for read(), and its entry script as named there.

    With a source folder, `script` is a path in it; without, a path of its own, and the script stands for itself and
    the modules beside it.

    Raises:
        UserError: EntryScriptMissing, EntryScriptInvalid (its name).
    """
    if source_folder is None:
        source = absolute(Path(script).expanduser())
        if source.is_dir():
            raise _is_folder(script)
        if not source.is_file():
            raise UserError(reasons.ENTRY_SCRIPT_MISSING, f"{script}: no such file")
        return source, entry_script.named(source.name)
    root = absolute(Path(source_folder).expanduser())
    path = root / script
    # As it is named, so that it may be a link to elsewhere; or else where it really is.
    for way in (os.path.normpath, os.path.realpath):
        place, above = Path(way(path)), Path(way(root))
        if path.is_file() and place.is_relative_to(above):
            return root, entry_script.named(place.relative_to(above).as_posix())
    if path.is_dir():
        raise _is_folder(script)
    raise UserError(reasons.ENTRY_SCRIPT_MISSING, f"{script}: no such file in the source folder {root}")


def _is_folder(script: str | Path) -> UserError:
    example = Path(script) / "score.py"
    return UserError(
        reasons.ENTRY_SCRIPT_MISSING, f"{script} is a folder; name the entry script in it, such as {example}"
    )


def read(source: Path, entry: str, models: Iterable[Path] = ()) -> Source:
    """The source folder's files, links followed. A script stands for all modules (`*.py`) of its folder.

    Left out are what tools make (`.git`, `__pycache__`, virtual environments, caches ...), what .lmdignore, .amlignore
    or .gitignore names, and `models`: files and folders that are deployed as such.

    What scripts look for below the folder's own name is there, too (own_name.py).

    Raises:
        UserError: SourceMissing, SourceTooLarge (64 MiB and 10,000 files in all), SourceInvalid; EntryScriptMissing: it
            is left out.
    """
    if not source.exists():
        raise UserError(reasons.SOURCE_MISSING, f"{source}: the source no longer exists")
    root = source.parent if source.is_file() else source
    choice = _Choice(root, entry, models, modules_only=source.is_file())
    paths: dict[str, Path] = {}
    try:
        for inside, path in folder.walk(root, choice.wanted):
            paths[_printable(inside, root)] = path
            if len(paths) > _MOST_FILES:
                why = f"{root}: more than {_MOST_FILES:,} files; is this the source folder? {_WAY_OUT}"
                raise UserError(reasons.SOURCE_TOO_LARGE, why)
        sizes = {inside: path.stat().st_size for inside, path in paths.items()}
        if sum(sizes.values()) > _LARGEST:
            raise _too_large(root, sizes)
        files = {inside: executable.read(paths[inside]) for inside in sorted(paths)}
    except folder.UnusableFolderError as error:
        raise UserError(reasons.SOURCE_INVALID, f"{root}: {error}. {_WAY_OUT}") from None
    except OSError as error:
        raise UserError(reasons.SOURCE_INVALID, f"{error.filename}: cannot be read: {error.strerror}") from None
    if entry not in files and (name := choice.left_out_by(entry)):
        raise UserError(
            reasons.ENTRY_SCRIPT_MISSING, f"{root / entry}: the entry script is left out of the code {name}"
        )
    notes = [*choice.notes(files)]
    if not source.is_file() and (copies := own_name.copies(files, root.resolve().name)):
        notes.append(f"the code looks for {root.resolve().name}/, the folder's own name: its files are there, too")
        files |= copies
    return Source(files, tuple(notes))


def paths(source: Path, entry: str, models: Iterable[Path] = ()) -> list[Path]:
    """Where the files lie that read() would take, as far as that can be told."""
    root = source.parent if source.is_file() else source
    inside = []
    with contextlib.suppress(folder.UnusableFolderError, OSError, UserError):
        choice = _Choice(root, entry, models, modules_only=source.is_file())
        for _, path in folder.walk(root, choice.wanted):
            inside.append(path)
    return inside


def files_of(path: Path) -> list[Path]:
    """The file, or the files of the folder, as far as they can be told."""
    files = []
    with contextlib.suppress(folder.UnusableFolderError, OSError):
        if path.is_dir():
            for _, file in folder.walk(path):
                files.append(file)
        else:
            files.append(path)
    return files


_WAY_OUT = "List what is not code in a .lmdignore in the folder"


class _Choice:
    """Chooses the files that belong to the code, and keeps the paths that are left out, by the reason."""

    def __init__(self, root: Path, entry: str, models: Iterable[Path], modules_only: bool) -> None:
        self._ignore_file, self._is_ignored = ignore_file.find(root)
        script, whole = (root / entry).resolve(), root.resolve()
        places = [place.resolve() for place in models]
        self._models = {
            place for place in places if not script.is_relative_to(place) and not whole.is_relative_to(place)
        }
        self._home = home.home().resolve()
        self._modules_only = modules_only
        self._left_out: dict[str, list[str]] = {}

    def wanted(self, inside: str, path: Path) -> bool:
        reason = self._reason(inside, path)
        if reason is not None:
            self._left_out.setdefault(reason, []).append(inside)
        return reason is None

    def _reason(self, inside: str, path: Path) -> str | None:
        kind = folder.kind(path)
        is_folder = kind == stat.S_IFDIR
        if path.name in (*_MADE_BY_TOOLS, *ignore_file.NAMES) or inside == SETTINGS:
            return ""
        if is_folder and (any(os.path.lexists(path / mark) for mark in _MARKS) or path.resolve() == self._home):
            return ""
        if self._is_ignored(f"{inside}/" if is_folder else inside):
            return f"by {self._ignore_file}"
        if self._models and path.resolve() in self._models:
            return "given as models"
        if self._modules_only and not is_folder and path.suffix != ".py":
            return "beside the modules, *.py"
        if self._modules_only and is_folder and not os.access(path, os.R_OK | os.X_OK):
            return "cannot be read"  # a folder such as /tmp, of which the script is all that is meant
        return None if kind in (None, stat.S_IFREG, stat.S_IFDIR) else "neither files nor folders"

    def left_out_by(self, inside: str) -> str | None:
        above = [inside, *(str(parent) for parent in Path(inside).parents)]
        return next((reason for reason, paths in self._left_out.items() if set(above) & set(paths)), None)

    def notes(self, files: Iterable[str]) -> Iterable[str]:
        """Sentences on what was left out, and what else the user should know."""
        left_out = []
        for reason, paths in sorted(self._left_out.items()):
            names = paths if reason else sorted({path.rpartition("/")[2] for path in paths})
            left_out.append(f"{_few(names)} ({reason})" if reason else _few(names))
        if left_out:
            yield f"left out of the code: {'; '.join(left_out)}"
        if hidden := sorted({shown for path in files if (shown := _hidden_part(path))}):
            yield f"hidden files are part of the code: {_few(hidden)}"


def _hidden_part(path: str) -> str:
    """The path up to its first part that begins with a dot, "" if there is none."""
    parts = path.split("/")
    first = next((number for number, part in enumerate(parts, 1) if part.startswith(".")), 0)
    return "/".join(parts[:first])


def _few(names: list[str]) -> str:
    more = len(names) - _MOST_NAMES_SAID
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:_MOST_NAMES_SAID])} and {more} more"


def _printable(inside: str, root: Path) -> str:
    if not inside.isprintable():  # undecodable names among them
        raise UserError(
            reasons.SOURCE_INVALID, f"{inside!r} in {root}: the file name has control characters; rename the file"
        )
    return inside


def _too_large(root: Path, sizes: Mapping[str, int]) -> UserError:
    largest = max(sizes, key=lambda inside: sizes[inside])
    return UserError(
        reasons.SOURCE_TOO_LARGE,
        f"{root}: {_mebibytes(sum(sizes.values()))} of code, and at most {_mebibytes(_LARGEST)} are kept; the largest "
        f"file is {largest} ({_mebibytes(sizes[largest])}). {_WAY_OUT}; name a model with --model",
    )


def _mebibytes(size: int) -> str:
    return f"{size / (1 << 20):.0f} MiB"
