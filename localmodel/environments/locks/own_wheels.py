"""Wheels in folders on this machine, which may be built again under the same name after they were locked."""

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
    """A wheel as it was read: metadata that shows whether the file has changed, and its hash as in a lock."""

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
    """Metadata that shows whether a wheel was added, removed or changed; empty if packages.toml cannot be used."""
    wheels = set()
    with contextlib.suppress(UserError):
        for wheel in (wheel for folder in folders() for wheel in folder.glob("*.whl")):
            with contextlib.suppress(OSError):  # it has just been removed
                stat = wheel.stat()
                wheels.add((str(wheel), stat.st_size, stat.st_ctime_ns))
    return frozenset(wheels)


def hint(output: str) -> str:
    """The sentence to add to the resolver's output if it is about packages in wheel folders, else ""."""
    if not sources.read().prefers_folders:
        return ""
    versions: dict[str, set[str]] = {}
    for wheel in (wheel for folder in folders() for wheel in folder.glob("*.whl")):
        with contextlib.suppress(InvalidWheelFilename):
            name, version, *_ = parse_wheel_filename(wheel.name)
            versions.setdefault(name, set()).add(str(version))
    words = {canonicalize_name(word.rstrip(".")) for word in _WORD.findall(output)}
    packages = [f"{name} ({', '.join(sorted(versions[name]))})" for name in sorted(words & set(versions))]
    return f"; wheel folders are asked only for what they have: {', '.join(packages)}" if packages else ""


def names_one_of(lock: str, folder: Path) -> bool:
    """Whether the lock has the hash of a wheel in the folder."""
    locked = {digest for block in hashes.packages(lock) for digest in hashes.listed(block)}
    return any(_hash(wheel) in locked for wheel in folder.glob("*.whl"))


def changed(lock: str, python: str, platforms: Sequence[str], memory: Path) -> dict[str, str]:
    """The lock's packages for which wheel folders have only other content than was locked, each with the wheel's name.

    Only wheels of the locked versions for the Python and the `platforms` (in wheels' words) are read, and only once,
    because their hashes are kept in the file `memory`.

    Raises:
        UserError: PackageSourcesInvalid.
    """
    wheels = [wheel for folder in folders() for wheel in sorted(folder.glob("*.whl"))]
    if not wheels:
        return {}
    locked = {hashes.name(block): block for block in hashes.packages(lock)}
    before, new = _remembered(memory), dict[str, _Read]()
    other, same = dict[str, str](), set[str]()
    for wheel, name in _meant(wheels, locked, fitting(python, tuple(platforms))):
        with contextlib.suppress(OSError):  # it has just been removed
            read = new[str(wheel)] = _read(wheel, before.get(str(wheel)))
            # uv locks only the one wheel of a folder that it would install
            if read.hash in hashes.listed(locked[name]):
                same.add(name)
            else:
                other.setdefault(name, wheel.name)
    if not new.items() <= before.items():
        kept = {path: read for path, read in {**before, **new}.items() if Path(path).is_file()}
        files.write(memory, digests.canonical_json(asdict(_Memory(kept))))
    return {name: wheel for name, wheel in other.items() if name not in same}


def _meant(wheels: list[Path], locked: Mapping[str, str], fitting: frozenset[Tag]) -> Iterator[tuple[Path, str]]:
    """The wheels that the lock may mean, each with its package."""
    for wheel in wheels:
        with contextlib.suppress(InvalidWheelFilename):
            name, version, _, fits = parse_wheel_filename(wheel.name)
            if name in locked and version == _version(locked[name]) and fits & fitting:
                yield wheel, name


def _version(block: str) -> Version | None:
    match = _PINNED.match(block)
    with contextlib.suppress(InvalidVersion):
        return Version(match["version"]) if match else None
    return None


@cache
def fitting(python: str, platforms: tuple[str, ...]) -> frozenset[Tag]:
    """The tags of wheels for a Python (major.minor) on platforms, in wheels' words."""
    major, minor = (int(part) for part in python.split("."))
    own = tags.cpython_tags((major, minor), platforms=platforms)
    return frozenset((*own, *tags.compatible_tags((major, minor), f"cp{major}{minor}", platforms)))


def _read(wheel: Path, before: _Read | None) -> _Read:
    status = wheel.stat()
    now = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    if before and (before.size, before.modified, before.changed, before.inode) == now:
        return before
    return _Read(*now, _hash(wheel))


def _hash(wheel: Path) -> str:
    with wheel.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _remembered(memory: Path) -> Mapping[str, _Read]:
    with contextlib.suppress(UserError):  # if it cannot be read, the wheels are read again
        remembered = state_file.read(memory, _Memory, "remove it")
        return remembered.wheels if remembered else {}
    return {}
