"""The disk usage of the home folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from localmodel import target_table
from localmodel.store import Store, artifacts
from localmodel.store.records import Records
from localmodel.store.shared import shared
from localmodel.targets.machine import unpacked
from localmodel.upkeep import environments
from localmodel.upkeep.disk import Count
from localmodel_untrusted import json_text
from localmodel_untrusted.files import read_file


@dataclass(frozen=True)
class Area:
    """A part of the folder: its bytes, how many can be freed, and by which command."""

    name: str
    bytes: int
    reclaimable: int
    command: str = ""


def areas(home: Path, older_than: float) -> list[Area]:
    """The parts of the folder, which together have all its bytes; environments are unused after `older_than` seconds.

    Raises:
        UserError: RecordDamaged, StateDamaged.
    """
    store, count = Store(home / "store"), Count()
    parts = [Area(name, count.add(paths)[0], 0) for name, paths in _versions(store)]
    for name, folder, gone, command in (
        ("deleted versions", home / "store" / "blobs", [*(home / "store" / "blobs").glob("*/*")], "lmd store gc"),
        ("unpacked models", home / "models", unpacked.unneeded(store), "lmd store gc"),
        ("virtual environments", home / "environments", unused(home, older_than), "lmd env prune"),
    ):
        taken, freed = count.add(gone)
        parts.append(Area(name, taken + count.add([folder])[0], freed, command))
    rest: dict[str, list[Path]] = {
        "image layers": [home / "store" / "images"],
        "locks": [home / "store" / "locks"],
        "generated scripts": [home / "store" / "scoring"],
        "build logs": [home / "build-logs"],
        "deployments": [*target_table.folders(home).values()],
        "all else": [home],
    }
    for name, folders in rest.items():
        parts.append(Area(name, count.add(folders)[0], 0))
    return parts


def unused(home: Path, older_than: float) -> list[Path]:
    """The virtual environments that `lmd env prune` would remove, with leftovers of killed commands."""
    going = (environment.key for environment in environments.look(home, older_than) if environment.goes)
    return [*(home / "environments" / key for key in going), *environments.leftovers(home)]


def _versions(store: Store) -> Iterator[tuple[str, list[Path]]]:
    models, environments, code = store.own_records()
    for name, records in (("models", models), ("code", code), ("environments", environments)):
        yield name, [*_present(store, records), store.root / name]
    if seen := store.seen_records():
        present = chain.from_iterable(_present(store, records) for records in seen)
        yield "shared stores", [*present, store.root / shared.FOLDER]


def _present(store: Store, records: Records[Any]) -> Iterator[Path]:
    return (path for path in _blobs(store, records) if path.exists())


def _blobs(store: Store, records: Records[Any]) -> Iterator[Path]:
    for version in records.list():
        manifest = store.layout.path(version.digest)
        yield manifest
        try:
            blobs = artifacts.blobs(json_text.parse(read_file(manifest) or b""))
        except (ValueError, KeyError, TypeError):  # `lmd store verify` reports it
            continue
        yield from (store.layout.path(blob.digest) for blob in blobs)
