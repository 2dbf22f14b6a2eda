"""The paths of an image, as the headers in its layers say, without what its files hold."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeAlias

from localmodel_untrusted import tar

# A folder by the names in it, the target of a symbolic link, or None for a file.
_Folder: TypeAlias = "dict[str, _Folder | str | None]"
_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"  # image-spec, layer.md
_MOST_LINKS = 40  # on the way to one path, as in Linux
# They are kept in memory.
_MOST_MEMBERS, _LONGEST_PATH = 1_000_000, 4096
_MOST_STEPS = 50_000_000  # from name to name, seconds of them: a link can lead through others, and so on


class _Member(NamedTuple):
    folder: str
    name: str
    kind: bytes
    target: str


class ImageFiles:
    """The paths of an image with these layers (uncompressed tars, lowest first).

    Raises:
        tar.RefusedError: a layer is not a tar, or there are too many files.
    """

    def __init__(self, layers: Iterable[Path]) -> None:
        self._root: _Folder = {}
        self._count = 0
        self._steps = 0
        for path in layers:
            with path.open("rb") as file:
                self._add(list(self._members(file.fileno())))

    def real(self, path: str) -> str | None:
        """The path that a path of the image leads to, or None if there is nothing."""
        place = self._follow(path)
        return None if place is None else "/" + "/".join(place)

    def _members(self, descriptor: int) -> Iterator[_Member]:
        for info in tar.headers(descriptor):
            self._count += 1
            if self._count > _MOST_MEMBERS:
                raise tar.RefusedError(f"it has more than {_MOST_MEMBERS} files and folders")
            for path in (info.name, info.linkname):
                if len(path) > _LONGEST_PATH:
                    raise tar.RefusedError(f"{tar.shown(path)} is longer than {_LONGEST_PATH} characters")
            yield _Member(*_split(info.name), info.type, info.linkname)

    def _add(self, members: list[_Member]) -> None:
        # A layer's whiteouts apply to the layers below, wherever they are in its tar.
        for member in members:
            if member.name.startswith(_WHITEOUT) and (above := self._folder(member.folder)) is not None:
                if member.name == _OPAQUE:
                    above.clear()
                else:
                    above.pop(member.name.removeprefix(_WHITEOUT), None)
        for member in members:
            if member.name not in ("", ".") and not member.name.startswith(_WHITEOUT):
                self._put(self._made(member.folder), member)

    def _put(self, above: _Folder, member: _Member) -> None:
        if member.kind == tarfile.DIRTYPE:
            if not isinstance(above.get(member.name), dict):
                above[member.name] = {}
        elif member.kind == tarfile.SYMTYPE:
            above[member.name] = member.target
        else:
            above[member.name] = self._link(member.target) if member.kind == tarfile.LNKTYPE else None

    def _link(self, path: str) -> str | None:
        """What a hard link to the path is: another symbolic link, or a file."""
        folder, name = _split(path)
        node = (self._folder(folder) or {}).get(name)
        return node if isinstance(node, str) else None

    def _made(self, path: str) -> _Folder:
        """The folder that the path leads to, which is made if there is none."""
        node = self._folder(path)
        if node is not None:
            return node
        node, parts = self._root, path.split("/")
        for end, name in enumerate(parts, 1):
            below = self._folder("/".join(parts[:end]))
            if below is None:
                below = node[name] = {}
            node = below
        return node

    def _folder(self, path: str) -> _Folder | None:
        """The folder that the path leads to, if it leads to one."""
        place = self._follow(path)
        node: _Folder | str | None = None if place is None else self._root
        for name in place or ():
            node = node.get(name) if isinstance(node, dict) else None
        return node if isinstance(node, dict) else None

    def _follow(self, path: str) -> list[str] | None:
        """The names on the real path that a path leads to; None if there is nothing, or links lead in a circle."""
        wanted, links = path.split("/")[::-1], 0
        place: list[str] = []
        folders: list[_Folder] = [self._root]
        while wanted:
            name = wanted.pop()
            self._steps += 1
            if self._steps > _MOST_STEPS:
                raise tar.RefusedError("its links lead through too many others")
            if name in ("", "."):
                continue
            if len(folders) == len(place):  # a file is on the way
                return None
            if name == "..":
                place, folders = place[:-1], folders[:-1] or folders
                continue
            if name not in folders[-1]:
                return None
            node = folders[-1][name]
            if isinstance(node, str):
                links += 1
                if links > _MOST_LINKS:
                    return None
                if node.startswith("/"):
                    place, folders = [], [self._root]
                wanted += node.split("/")[::-1]
                continue
            place.append(name)
            if node is not None:
                folders.append(node)
        return place


def _split(path: str) -> tuple[str, str]:
    folder, _, name = path.strip("/").rpartition("/")
    return folder, name
