"""Named and numbered records, one JSON file each: the store's truth about what there is.

A record is created in one step and replaced in one step, so that it is wholly there or not at all. A removed one leaves
a tombstone: its number is never given to anything else.
"""

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from localmodel import digests, files
from localmodel.errors import UserError
from localmodel.layout import Layout
from localmodel.store.index import Index, Ref

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_RECORD, _TOMBSTONE = ".json", ".deleted"


class Version(Protocol):
    """What every record says. `digest` is its manifest's, `created` an ISO 8601 time."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def digest(self) -> str: ...
    @property
    def created(self) -> str: ...


V = TypeVar("V", bound=Version)


@dataclass(frozen=True)
class RecordKind(Generic[V]):
    """A kind of records: its folder, its word in messages, reasons of errors, how to read one, how to make one.

    `artifact` is the artifactType of the manifests that its records name.
    """

    artifact: str
    folder: str
    word: str
    invalid_name: str
    not_found: str
    parse: Callable[[dict[str, Any]], V]
    hint: str


class Records(Generic[V]):
    """The records of one kind below the store's folder."""

    def __init__(self, layout: Layout, kind: RecordKind[V]) -> None:
        self._store, self._kind = layout.root, kind
        self._root = layout.root / kind.folder
        self._index = Index(layout)

    def check_name(self, name: str) -> None:
        """
        Raises:
            UserError: the kind's invalid_name.
        """
        if not _NAME.fullmatch(name):
            raise UserError(
                self._kind.invalid_name,
                f"{self._kind.word} name {name!r}: letters, digits, '.', '_' and '-', at most 255, "
                "starting with a letter or digit",
            )

    def folder(self, name: str) -> Path:
        """Folder of the name's records."""
        self.check_name(name)
        return self._root / name

    def names(self) -> list[str]:
        """Names that have a version, sorted."""
        return sorted(name for name in _entries(self._root) if self.numbers(name))

    def numbers(self, name: str) -> list[int]:
        """Numbers of the name's versions, ascending."""
        return _numbers(self.folder(name), _RECORD)

    def get(self, name: str, number: int | None = None) -> V:
        """The name's version; the latest without a number.

        Raises:
            UserError: StoreMissing, VersionNotFound, the kind's not_found or invalid_name.
        """
        self.require()
        self.check_name(name)
        wanted = number if number is not None else max(self.numbers(name), default=0)
        try:
            return self._read(name, wanted)
        except FileNotFoundError:
            raise self._missing(name, wanted) from None

    def find(self, reference: str) -> V:
        """The version that `name` or `name:number` names.

        Raises:
            UserError: as get().
        """
        name, colon, number = reference.partition(":")
        if colon and not number.isdecimal():
            raise UserError(
                "VersionNotFound", f"{self._kind.word} {reference}: {number!r} is no version; write NAME or NAME:NUMBER"
            )
        return self.get(name, int(number) if colon else None)

    def list(self, name: str | None = None, latest: bool = False) -> list[V]:
        """Every version by name and number, or of one name only, or each name's latest only."""
        found = []
        for each in [name] if name is not None else sorted(_entries(self._root)):
            for number in self.numbers(each)[-1 if latest else 0 :]:
                with contextlib.suppress(FileNotFoundError):  # removed since
                    found.append(self._read(each, number))
        return found

    def append(self, name: str, make: Callable[[int], V], same: Callable[[V], bool], anywhere: bool) -> V:
        """Keep what `make` makes of the next number, or give the latest version when it is the `same`.

        With `anywhere`, the newest of all versions that is the same.

        Raises:
            UserError: the kind's invalid_name, also where another name differs only in case: some file systems would
                take the two for one.
        """
        self._check_is_no_other(name)
        with self.alone(name):
            folder = self.folder(name)
            numbers = _numbers(folder, _RECORD)
            for number in reversed(numbers if anywhere else numbers[-1:]):
                if same(known := self._read(name, number)):
                    return known
            version = make(max([0, *numbers, *_numbers(folder, _TOMBSTONE)]) + 1)
            files.create(self._path(name, version.version), _content(version))
            self._index.add(self.ref(version))
            return version

    def _check_is_no_other(self, name: str) -> None:
        known = _entries(self._root)
        for other in known if name not in known else ():
            if other.lower() == name.lower():
                raise UserError(
                    self._kind.invalid_name,
                    f"{self._kind.word} name {name!r} differs only in case from {other!r}, which is in the store; "
                    "write it the same way, or choose another name",
                )

    def change(self, name: str, number: int, edit: Callable[[V], V]) -> V:
        """Replace the version's record by what `edit` makes of it.

        Raises:
            UserError: as get().
        """
        self.get(name, number)
        with self.alone(name):
            changed = edit(self.get(name, number))
            files.write(self._path(name, number), _content(changed))
            return changed

    def remove(self, name: str, number: int) -> None:
        """Remove the version.

        Raises:
            UserError: as get().
        """
        self.get(name, number)
        with self.alone(name):
            path = self._path(name, number)
            self._index.remove(self.ref(self.get(name, number)))
            path.rename(path.with_suffix(_TOMBSTONE))

    @contextlib.contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Only one process at a time changes what belongs to the name; readers need no lock."""
        folder = self.folder(name)
        with self.writing(), files.locked(folder / ".lock"):
            yield

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold off garbage collection, from before the first blob is written until a record names them all.

        Raises:
            UserError: StoreFull.
        """
        with files.room(self._store), files.locked(self._store / "lock", shared=True):
            yield

    def ref(self, version: V) -> Ref:
        """How an OCI index names the version."""
        return Ref(f"{self._kind.folder}/{version.name}/{version.version}", version.digest, self._kind.artifact)

    def leftovers(self) -> tuple[Path, ...]:
        """Files that writers left beside the records when they were killed. Meaningless while anybody writes."""
        return tuple(path for path in self._root.glob("*/.*") if path.name != ".lock")

    def require(self) -> None:
        """
        Raises:
            UserError: StoreMissing.
        """
        if not self._store.is_dir():
            raise UserError(
                "StoreMissing",
                f"the store folder {self._store} does not exist; register a model (lmd model register) "
                "or name another folder with LOCALMODEL_HOME",
            )

    def _read(self, name: str, number: int) -> V:
        path = f"{self._root}/{name}/{number}{_RECORD}"  # what Path adds counts where 10,000 are read
        with open(path, "rb") as file:
            content = file.read()
        try:
            return self._kind.parse(json.loads(content))
        except (ValueError, TypeError, KeyError):
            raise UserError(
                "RecordDamaged",
                f"{path} is no record of a version; restore it from a backup, or remove the file to go on without it",
            ) from None

    def _path(self, name: str, number: int) -> Path:
        return self.folder(name) / f"{number}{_RECORD}"

    def _missing(self, name: str, number: int) -> UserError:
        word = self._kind.word
        if versions := self.numbers(name):
            return UserError(
                "VersionNotFound",
                f"{word} {name} has no version {number}; there are: {', '.join(map(str, versions))}",
            )
        known = self.names()
        hint = f"registered are: {', '.join(known[:10])}" if known else f"no {word} is registered yet"
        return UserError(
            self._kind.not_found, f"{word} {name} is not in the store; {hint}. {self._kind.hint.format(name=name)}"
        )


def _entries(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in os.scandir(folder) if not entry.name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _numbers(folder: Path, suffix: str) -> list[int]:
    stems = (name.removesuffix(suffix) for name in _entries(folder) if name.endswith(suffix))
    return sorted(int(stem) for stem in stems if stem.isdecimal())


def _content(version: Any) -> bytes:
    return digests.canonical_json(asdict(version))
