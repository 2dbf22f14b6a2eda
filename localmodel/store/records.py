"""Named and numbered records, one JSON file each, which define what the store has.

A record is created and replaced atomically. A removed one leaves a tombstone, so that its number is never used again.
"""

import contextlib
import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from localmodel import digests, reasons
from localmodel.disk import files, state_file
from localmodel.errors import UserError
from localmodel.oci.layout import Layout, Meter
from localmodel.reasons import Reason
from localmodel.store import incoming
from localmodel.store.index import Index, Ref
from localmodel.store.origin import Origin
from localmodel_untrusted import json_text

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_RECORD, _TOMBSTONE = ".json", ".deleted"


class Version(Protocol):
    """The fields of every record. `digest` is that of its manifest, `created` a time in ISO 8601."""

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
    """A kind of records: its folder, its word in messages, its reasons of errors, its type, and a hint on making one.

    `artifact` is the artifactType of its manifests; `same` says whether two versions differ only in number and time;
    `forms` are those of a reference to one.
    """

    artifact: str
    folder: str
    word: str
    invalid_name: Reason
    not_found: Reason
    version: type[V]
    hint: str
    same: Callable[[V, V], bool]
    forms: str = "NAME or NAME:NUMBER"


class Records(Generic[V]):
    """The records of one kind: below the store's folder, or those of a shared store, which has no `folder` of its own.

    Every method may raise a `UserError` of a shared store: RegistryUnreachable, RegistryRefused, SharedStoreInvalid.
    """

    def __init__(
        self, layout: Layout, kind: RecordKind[V], origin: Origin | None = None, folder: Path | None = None
    ) -> None:
        self._store, self._kind, self._origin = layout.root, kind, origin
        self._root = (folder or (origin.folder if origin else layout.root)) / kind.folder
        self._index = Index(layout)

    @property
    def is_shared(self) -> bool:
        """Whether they are those of a shared store."""
        return self._origin is not None

    def check_name(self, name: str) -> None:
        """Check that the name is valid.

        Raises:
            UserError: the kind's `invalid_name`.
        """
        if not _NAME.fullmatch(name):
            raise UserError(
                self._kind.invalid_name,
                f"{self._kind.word} name {name!r}: letters, digits, '.', '_' and '-', at most 255, "
                "starting with a letter or digit",
            )

    def folder(self, name: str) -> Path:
        """The folder of the name's records."""
        self.check_name(name)
        return self._root / name

    def names(self) -> list[str]:
        """The names that have a version, sorted."""
        return [*self.numbered()]

    def numbers(self, name: str, skip: Callable[[UserError], None] | None = None) -> list[int]:
        """The numbers of the name's versions, ascending. `skip` is as in `list()`."""
        self.look()
        return [*self._numbers(name, skip)]

    def get(self, name: str, number: int | None = None) -> V:
        """This version of the name, by default the latest.

        Raises:
            UserError: StoreMissing, VersionNotFound, StateDamaged, StateNewer, the kind's not_found or invalid_name.
        """
        self.require()
        self.check_name(name)
        if number is not None and (version := self._read(name, number)):
            return version  # whatever it is elsewhere now: it has this content
        self.look()
        wanted = number if number is not None else max(self._numbers(name), default=0)
        if version := self._read(name, wanted):
            return version
        raise self._missing(name, wanted)

    def find(self, reference: str) -> V:
        """The version that `name` or `name:number` names.

        Raises:
            UserError: the errors of `get()`.
        """
        name, colon, number = reference.partition(":")
        if colon and not number.isdecimal():
            raise UserError(
                reasons.VERSION_NOT_FOUND,
                f"{self._kind.word} {reference}: {number!r} is not a version number; write {self._kind.forms}",
            )
        return self.get(name, int(number) if colon else None)

    def list(
        self, name: str | None = None, latest: bool = False, skip: Callable[[UserError], None] | None = None
    ) -> list[V]:
        """Every version, sorted by name and number; of one name, or only the latest of each.

        `skip` gets the error of each record that cannot be read; without it, the error is raised.

        Raises:
            UserError: StateDamaged, StateNewer.
        """
        self.look()
        names = [name] if name is not None else self._folders(skip)
        numbers = ((each, number) for each in names for number in self._numbers(each, skip)[-1 if latest else 0 :])
        return [*self.read(numbers, skip)]

    def numbered(self, skip: Callable[[UserError], None] | None = None) -> dict[str, Sequence[int]]:
        """The numbers of every name's versions, ascending, sorted by name; no record is read. `skip` is as in `list()`.

        Raises:
            UserError: StateDamaged.
        """
        self.look()
        return {name: numbers for name in self._folders(skip) if (numbers := self._numbers(name, skip))}

    def read(self, versions: Iterable[tuple[str, int]], skip: Callable[[UserError], None] | None = None) -> Iterator[V]:
        """The versions of these names and numbers that there are. `skip` is as in `list()`.

        Raises:
            UserError: StateDamaged, StateNewer.
        """
        for name, number in versions:
            with _skipping(skip):
                if version := self._read(name, number):  # else it was removed since
                    yield version

    def keep(self, unnumbered: V, anywhere: bool = False) -> V:
        """Give a version whose content is in the layout the next number, or return the latest if it is the same.

        With `anywhere`, return the newest of all versions that is the same.

        Raises:
            UserError: the kind's `invalid_name`, also if another name differs only in case, because some file systems
                would take the two for one.
        """
        name = unnumbered.name
        self.look()
        self._check_is_no_other(name)
        with self.alone(name):
            folder = self.folder(name)
            numbers = self._numbers(name)
            for number in reversed(numbers if anywhere else numbers[-1:]):
                with _skipping(state_file.unreadable):  # an unreadable record is not the same
                    if (known := self._read(name, number)) and self._kind.same(known, unnumbered):
                        return known
            version: V = _numbered(unnumbered, max([0, *numbers, *_numbered_files(folder, _TOMBSTONE)]) + 1)
            return self._create(version)

    def _create(self, version: V) -> V:
        if self._origin:
            version = self._origin.add(self._kind.folder, version)
            files.write(self._path(version.name, version.version), _content(version))
            return version
        files.create(self._path(version.name, version.version), _content(version))
        self._index.add(self.ref(version))
        return version

    def _check_is_no_other(self, name: str) -> None:
        known = self._folders()
        for other in known if name not in known else ():
            if other.lower() == name.lower():
                raise UserError(
                    self._kind.invalid_name,
                    f"{self._kind.word} name {name!r} differs only in case from {other!r}, which is in the store; "
                    "write it the same way, or choose another name",
                )

    def change(self, name: str, number: int, edit: Callable[[V], V]) -> V:
        """Replace the version's record by the result of `edit`.

        Raises:
            UserError: the errors of `get()`.
        """
        self.look()
        self.get(name, number)
        with self.alone(name):
            changed = edit(self.get(name, number))
            if self._origin:
                self._origin.change(self._kind.folder, changed)
            files.write(self._path(name, number), _content(changed))
            return changed

    def remove(self, name: str, number: int) -> None:
        """Remove the version, even if its record is damaged.

        Raises:
            UserError: the errors of `get()`.
        """
        self.require()
        self.look()
        with self.alone(name):
            if number not in self._numbers(name):
                raise self._missing(name, number)
            path = self._path(name, number)
            if self._origin:
                self._origin.remove(self._kind.folder, name, number)
            else:
                self._index.remove(self._ref_name(name, number))
            path.rename(path.with_suffix(_TOMBSTONE))

    def set_aliases(self, name: str, content: bytes) -> None:
        """Replace the file with the name's aliases. Call it in `alone()`."""
        if self._origin:
            self._origin.set_aliases(self._kind.folder, name, content)
        files.write(self.folder(name) / "aliases", content)

    def fetch(self, version: V, progress: Meter | None = None) -> None:
        """Bring the version's content into the layout, if it is in a shared store.

        Raises:
            UserError: ContentDamaged, StoreFull.
        """
        if self._origin:
            with self.writing():
                self._origin.fetch(version, progress)

    def look(self) -> None:
        """Bring the records of a shared store up to date. Only `get()` with a number does without it."""
        if self._origin:
            self._origin.look()

    def _names(self) -> Sequence[str]:
        return sorted(name for name in self._folders() if self._numbers(name))

    def _numbers(self, name: str, skip: Callable[[UserError], None] | None = None) -> Sequence[int]:
        with _skipping(skip):
            self.check_name(name)
            return _numbered_files(f"{self._root}/{name}", _RECORD)  # a text, as in `_read()`
        return []

    @contextlib.contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """A block in which no other process changes what belongs to the name; readers need no lock."""
        folder = self.folder(name)
        with self.writing(), files.locked(folder / ".lock"):
            yield

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """A block without garbage collection, from before the first blob is written until a record names all of them.

        Raises:
            UserError: StoreFull.
        """
        with files.room(self._store):
            incoming.clear(self._store)
            with files.locked(self._store / "lock", shared=True):
                yield

    def ref(self, version: V) -> Ref:
        """The version's entry in an OCI index."""
        return Ref(self._ref_name(version.name, version.version), version.digest, self._kind.artifact)

    def _ref_name(self, name: str, number: int) -> str:
        return f"{self._kind.folder}/{name}/{number}"

    def leftovers(self) -> tuple[Path, ...]:
        """Files that killed writers have left beside the records; call it only while nobody writes."""
        return tuple(path for path in self._root.glob("*/.*") if path.name != ".lock")

    def require(self) -> None:
        """Check that the store exists.

        Raises:
            UserError: StoreMissing.
        """
        if not self._store.is_dir() and not self._origin:
            raise UserError(
                reasons.STORE_MISSING,
                f"the store folder {self._store} does not exist; register a model (lmd model register) "
                "or name another folder with LOCALMODEL_HOME",
            )

    def _read(self, name: str, number: int) -> V | None:
        path = f"{self._root}/{name}/{number}{_RECORD}"  # a text, because Path is slow where 10,000 are read

        def parse(content: bytes) -> V:
            version = state_file.typed(json_text.parse(content), self._kind.version)
            if (version.name, version.version) != (name, number) or not _DIGEST.fullmatch(version.digest):
                raise ValueError(f"it is of {version.name}:{version.version} with the digest {version.digest!r}")
            return version

        return state_file.load(path, parse, "restore it from a backup, or delete the version to go on without it")

    def _folders(self, skip: Callable[[UserError], None] | None = None) -> Iterable[str]:
        with _skipping(skip):
            return sorted(
                entry.name for entry in state_file.entries(self._root) if entry.is_symlink() or entry.is_dir()
            )
        return []

    def _path(self, name: str, number: int) -> Path:
        return self.folder(name) / f"{number}{_RECORD}"

    def _missing(self, name: str, number: int) -> UserError:
        word = self._kind.word
        if versions := self._numbers(name):
            return UserError(
                reasons.VERSION_NOT_FOUND,
                f"{word} {name} has no version {number}; its versions: {', '.join(map(str, versions))}",
            )
        known = self._names()
        hint = f"registered are: {', '.join(known[:10])}" if known else f"no {word} is registered yet"
        near = difflib.get_close_matches(name, known, 1)
        meant = f"Did you mean {near[0]}? " if near else ""
        advice = self._kind.hint.format(name=name)
        return UserError(self._kind.not_found, f"{word} {name} is not in the store; {hint}. {meant}{advice}")


@contextlib.contextmanager
def _skipping(skip: Callable[[UserError], None] | None) -> Iterator[None]:
    try:
        yield
    except UserError as error:
        if skip is None:
            raise
        skip(error)


def _numbered(version: Any, number: int) -> Any:
    return replace(version, version=number)


def _numbered_files(folder: Path | str, suffix: str) -> list[int]:
    names = (entry.name for entry in state_file.entries(folder))
    stems = (name.removesuffix(suffix) for name in names if name.endswith(suffix))
    return sorted(int(stem) for stem in stems if stem.isdecimal())


def _content(version: Any) -> bytes:
    return digests.canonical_json(asdict(version))
