"""Checks that a store has everything as it was written, and removes what nothing names any more."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localmodel import reasons
from localmodel.disk import files, state_file
from localmodel.errors import UserError
from localmodel.oci.layout import Layout, Meter
from localmodel.store import artifacts
from localmodel.store.index import Index, Ref
from localmodel.store.records import Records
from localmodel_untrusted import json_text

Registries = tuple[Records[Any], ...]


@dataclass(frozen=True)
class Problem:
    """A damage: what is damaged (`models/iris/3`, a digest), and a sentence about it."""

    what: str
    message: str


def verify_all(layout: Layout, registries: Registries, tell: Meter | None) -> Iterator[Problem]:
    """Hash every blob and look up what every record names. `tell` gets the bytes done and the bytes in all."""
    unreadable = list[UserError]()
    refs = _refs(registries, unreadable.append)
    yield from (Problem("record", str(error)) for error in unreadable)
    yield from _verify(layout, refs, layout.blobs(), tell)
    if not unreadable and Index(layout).names() != {ref.name: ref.digest for ref in refs}:
        yield Problem("index.json", "it does not list what the records name; lmd store gc writes it again")


def verify(layout: Layout, ref: Ref, tell: Meter | None) -> Iterator[Problem]:
    """Hash and look up the blobs of one version."""
    present = sorted(digest for digest in _named(layout, ref) if layout.path(digest).is_file())
    return _verify(layout, [ref], present, tell)


def _verify(layout: Layout, refs: list[Ref], digests: list[str], tell: Meter | None) -> Iterator[Problem]:
    broken = set()
    for digest in _unsound(layout, digests, tell):
        broken.add(digest)
        yield Problem(digest, "its content is not what its digest says")
    for ref in refs:
        for digest in sorted(_named(layout, ref)):
            if digest in broken:
                yield Problem(ref.name, f"{digest} is damaged; register, pull or import it again")
            elif not layout.path(digest).is_file():
                yield Problem(ref.name, f"{digest} is missing; register, pull or import it again")


def collect_garbage(layout: Layout, registries: Registries, seen: Registries) -> int:
    """Remove blobs that no record names, and leftovers of killed writers; return how many bytes that frees.

    `seen` are the records of shared stores, whose content may be elsewhere.

    It waits until nobody writes; writers wait for it in turn.
    """
    if not layout.root.is_dir():
        return 0
    with files.locked(layout.root / "lock"):
        refs = _refs(registries)
        named = {digest for ref in refs for digest in _all_named(layout, ref)}
        named |= {digest for ref in _refs(seen) for digest in _named(layout, ref)}
        doomed = [layout.path(digest) for digest in layout.blobs() if digest not in named]
        doomed += (layout.root / "incoming").glob("*")
        doomed += (path for path in (layout.root / "scoring").glob("*.json") if f"sha256:{path.stem}" not in named)
        # A file that will replace another one is first written beside it, under a hidden name.
        doomed += (path for path in layout.root.glob(".*") if path.is_file())
        doomed += (path for records in (*registries, *seen) for path in records.leftovers())
        freed = sum(map(_remove, doomed))
        Index(layout).write(refs)
    return freed


def _remove(path: Path) -> int:
    """Remove a file or a folder; return its size in bytes."""
    if not path.is_dir():
        size = path.stat().st_size
        path.unlink()
        return size
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    shutil.rmtree(path)
    return size


def _refs(registries: Registries, skip: Callable[[UserError], None] | None = None) -> list[Ref]:
    return [records.ref(version) for records in registries for version in records.list(skip=skip)]


def _named(layout: Layout, ref: Ref) -> set[str]:
    """The digests of a manifest and of the blobs that it names."""

    def parse(content: bytes) -> set[str]:
        return {blob.digest for blob in artifacts.blobs(json_text.parse(content))}

    try:
        return {ref.digest, *(state_file.load(layout.path(ref.digest), parse, "register it again") or ())}
    except UserError:
        return {ref.digest}


def _all_named(layout: Layout, ref: Ref) -> set[str]:
    digests_named = _named(layout, ref)
    if len(digests_named) == 1:  # what else it names is unknown, and must not be taken for garbage
        raise UserError(
            reasons.STORE_DAMAGED,
            f"{ref.name}: its manifest {ref.digest} is missing or damaged, so nothing was removed; "
            "register, pull or import it again, or delete it",
        )
    return digests_named


def _unsound(layout: Layout, digests: list[str], tell: Meter | None) -> Iterator[str]:
    total, done = sum(layout.path(digest).stat().st_size for digest in digests), 0

    def count(size: int) -> None:
        nonlocal done
        done += size
        if tell:
            tell(done, total)

    for digest in digests:
        if not layout.sound(digest, count):
            yield digest
