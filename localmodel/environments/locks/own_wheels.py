"""Wheels in folders of this machine: one that was built again under its name is another wheel than was locked."""

import contextlib
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from packaging import tags
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from localmodel import digests
from localmodel.disk import files, state_file
from localmodel.errors import UserError
from localmodel.requirements import hashes, sources

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PINNED = re.compile(r"[^\s;@]+==(?P<version>[^\s;\\]+)")


@dataclass(frozen=True)
class _Read:
    """A wheel as it was read: what tells whether it is the same file still, and its hash as a lock has it."""

    size: int
    modified: int
    changed: int
    inode: int
    hash: str


@dataclass(frozen=True)
class _Memory:
    wheels: Mapping[str, _Read]


def folders() -> list[Path]:
    """The wheel folders of this machine that packages.toml names.

    Raises:
        UserError: PackageSourcesInvalid.
    """
    return [Path(link) for link in sources.read().find_links if "://" not in link]


def seen() -> frozenset[tuple[str, int, int]]:
    """What tells whether a wheel was added, removed or changed since; nothing where packages.toml cannot be used."""
    found = set()
    with contextlib.suppress(UserError):
        for wheel in (wheel for folder in folders() for wheel in folder.glob("*.whl")):
            with contextlib.suppress(OSError):  # it has just gone
                stat = wheel.stat()
                found.add((str(wheel), stat.st_size, stat.st_ctime_ns))
    return frozenset(found)


def hint(said: str) -> str:
    """What is to be added to the resolver's words, if they are of packages that wheel folders have."""
    if not sources.read().prefers_folders:
        return ""
    there: dict[str, set[str]] = {}
    for wheel in (wheel for folder in folders() for wheel in folder.glob("*.whl")):
        with contextlib.suppress(InvalidWheelFilename):
            name, version, *_ = parse_wheel_filename(wheel.name)
            there.setdefault(name, set()).add(str(version))
    words = {canonicalize_name(word.rstrip(".")) for word in _WORD.findall(said)}
    told = [f"{name} ({', '.join(sorted(there[name]))})" for name in sorted(words & set(there))]
    return f"; wheel folders are asked only for what they have: {', '.join(told)}" if told else ""


def changed(lock: str, python: str, platforms: Sequence[str], memory: Path) -> dict[str, str]:
    """The lock's packages of which wheel folders have other content only than was locked, each with the wheel's name.

    Read are the wheels of its versions for the Python and the `platforms` (wheels' words for them), and each only
    once: their hashes are kept in the file `memory`.

    Raises:
        UserError: PackageSourcesInvalid.
    """
    wheels = [wheel for folder in folders() for wheel in sorted(folder.glob("*.whl"))]
    if not wheels:
        return {}
    locked = {hashes.name(block): block for block in hashes.packages(lock)}
    before, new = _remembered(memory), dict[str, _Read]()
    other, same = dict[str, str](), set[str]()
    for wheel, name in _meant(wheels, locked, _fitting(python, tuple(platforms))):
        with contextlib.suppress(OSError):  # it has just gone
            read = new[str(wheel)] = _read(wheel, before.get(str(wheel)))
            # uv locks the one wheel of a folder that it would install
            if read.hash in hashes.listed(locked[name]):
                same.add(name)
            else:
                other.setdefault(name, wheel.name)
    if not new.items() <= before.items():
        kept = {path: read for path, read in {**before, **new}.items() if Path(path).is_file()}
        files.write(memory, digests.canonical_json(asdict(_Memory(kept))))
    return {name: wheel for name, wheel in other.items() if name not in same}


def _meant(wheels: list[Path], locked: Mapping[str, str], fitting: frozenset[Tag]) -> Iterator[tuple[Path, str]]:
    """The wheels that the lock may stand for, each with its package."""
    for wheel in wheels:
        with contextlib.suppress(InvalidWheelFilename):
            name, version, _, fits = parse_wheel_filename(wheel.name)
            if name in locked and version == _version(locked[name]) and fits & fitting:
                yield wheel, name


def _version(block: str) -> Version | None:
    found = _PINNED.match(block)
    with contextlib.suppress(InvalidVersion):
        return Version(found["version"]) if found else None
    return None


@cache
def _fitting(python: str, platforms: tuple[str, ...]) -> frozenset[Tag]:
    major, minor = (int(part) for part in python.split("."))
    own = tags.cpython_tags((major, minor), platforms=platforms)
    return frozenset((*own, *tags.compatible_tags((major, minor), f"cp{major}{minor}", platforms)))


def _read(wheel: Path, before: _Read | None) -> _Read:
    found = wheel.stat()
    now = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
    if before and (before.size, before.modified, before.changed, before.inode) == now:
        return before
    with wheel.open("rb") as file:
        return _Read(*now, f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}")


def _remembered(memory: Path) -> Mapping[str, _Read]:
    with contextlib.suppress(UserError):  # what cannot be read is read again from the wheels
        found = state_file.read(memory, _Memory, "remove it")
        return found.wheels if found else {}
    return {}
