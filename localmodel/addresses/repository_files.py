"""The files of a commit, whose names and sizes may be anything."""

from collections.abc import Iterator
from stat import S_IFDIR, S_ISDIR, S_ISREG

from dulwich.objects import Blob, Commit, ObjectID, Tag, Tree, parse_tree
from dulwich.repo import Repo

from localmodel import reasons
from localmodel.disk.executable import Executable
from localmodel.errors import UserError
from localmodel.reasons import Reason

LARGEST = 64 << 20  # as much as a folder of this machine may have
_MOST_FILES = 10_000
_MOST_ENTRIES = 2 * _MOST_FILES  # files and folders
_LARGEST_TREE = 8 << 20
_LONGEST_NAME, _LONGEST_PATH = 255, 1024  # bytes
_EXECUTABLE = 0o100


def commit(repo: Repo, wanted: bytes) -> Commit | None:
    """The commit that the object, which may be a tag, leads to; None if it leads to none."""
    item = repo[wanted]
    while isinstance(item, Tag):
        item = repo[item.object[1]]
    return item if isinstance(item, Commit) else None


def below(repo: Repo, tree: ObjectID, folder: str, shown: str) -> Iterator[tuple[str, bytes]]:
    """The regular files below the folder, path -> content. `shown` is the repository's address for messages.

    Raises:
        UserError: AddressNotFound, SourceInvalid, SourceTooLarge.
    """
    return _Files(repo, shown).below(tree, folder)


class _Files:
    def __init__(self, repo: Repo, shown: str) -> None:
        self._repo, self._shown = repo, shown

    def below(self, tree: ObjectID, folder: str) -> Iterator[tuple[str, bytes]]:
        for part in filter(None, folder.split("/")):
            entries = {name: (mode, sha) for name, mode, sha in self._entries(tree, "")}
            mode, tree = entries.get(part, (0, tree))
            if not S_ISDIR(mode):
                raise self._error(reasons.ADDRESS_NOT_FOUND, f"the commit has no folder {folder}")
        size = count = 0
        for path, mode, sha in self._walk(tree):
            if not S_ISREG(mode):
                raise self._invalid(path, "is neither file nor folder")
            content = self._content(sha)
            count, size = count + 1, size + len(content or b"")
            if content is None or size > LARGEST or count > _MOST_FILES:
                raise self._too_large(path)
            yield path, Executable(content) if mode & _EXECUTABLE else content

    def _walk(self, tree: ObjectID) -> Iterator[tuple[str, int, ObjectID]]:
        seen, waiting = 0, [("", tree, S_IFDIR)]
        while waiting:
            path, sha, mode = waiting.pop()
            if not S_ISDIR(mode):
                yield path, mode, sha
                continue
            above = f"{path}/" if path else ""
            entries = [(above + name, sha, mode) for name, mode, sha in self._entries(sha, above)]
            if (seen := seen + len(entries)) > _MOST_ENTRIES:
                raise self._too_large(entries[-1][0])
            waiting += reversed(entries)

    def _entries(self, tree: ObjectID, above: str) -> Iterator[tuple[str, int, ObjectID]]:
        kind, raw = self._repo.object_store.get_raw(tree)
        if kind != Tree.type_num:
            raise ValueError("no tree")
        if len(raw) > _LARGEST_TREE:
            raise self._too_large(above)
        names = set[str]()
        for text, mode, sha in parse_tree(raw, self._repo.object_format.oid_length, strict=True):
            name = self._name(text, above)
            if name in names:
                raise self._invalid(above + name, "is there twice")
            names.add(name)
            yield name, mode, ObjectID(sha)

    def _name(self, text: bytes, above: str) -> str:
        try:
            name = text.decode()
        except UnicodeDecodeError:
            raise self._invalid(above + text.decode(errors="replace"), "has a name that is not UTF-8") from None
        if not name.isprintable():
            raise self._invalid(above + name, "has control characters in its name")
        if name in ("", ".", "..") or "/" in name:
            raise self._invalid(above + name, "has a name that no file can have")
        if len(text) > _LONGEST_NAME or len(f"{above}{name}".encode()) > _LONGEST_PATH:
            raise self._invalid(above + name, "has too long a name")
        return name

    def _content(self, sha: ObjectID) -> bytes | None:
        """The file's content; None if the server has left it out, because it is larger than a source may be."""
        if sha not in self._repo.object_store:
            return None
        kind, content = self._repo.object_store.get_raw(sha)
        if kind != Blob.type_num:
            raise ValueError("no file")
        return content

    def _invalid(self, path: str, why: str) -> UserError:
        shown = path if len(path) <= _LONGEST_NAME else f"{path[:_LONGEST_NAME]}…"
        return self._error(reasons.SOURCE_INVALID, f"{shown!r} {why}; name a folder without it as path")

    def _too_large(self, path: str) -> UserError:
        return self._error(
            reasons.SOURCE_TOO_LARGE,
            f"more than {LARGEST >> 20} MiB or {_MOST_FILES:,} files of code, with {path}; name one folder as path, "
            "and name models in spec.models",
        )

    def _error(self, reason: Reason, why: str) -> UserError:
        return UserError(reason, f"{self._shown}: {why}")
