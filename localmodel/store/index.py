"""index.json, with which other tools for OCI layouts find what the store holds.

It repeats the records and is changed with them. If a killed process has left it outdated, garbage collection writes it
anew. Nothing in this library depends on it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from localmodel import digests
from localmodel.disk import files, state_file
from localmodel.errors import UserError
from localmodel.oci.layout import Layout
from localmodel.oci.media_types import INDEX, MANIFEST
from localmodel_untrusted import json_text

_NAME = "org.opencontainers.image.ref.name"


@dataclass(frozen=True)
class Ref:
    """A name (`models/iris/3`), and the digest and artifactType of the manifest that it names."""

    name: str
    digest: str
    artifact: str


class Index:
    """The layout's index.json, replaced atomically."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._path = layout.root / "index.json"

    def add(self, ref: Ref) -> None:
        self._change(lambda entries: {**entries, ref.name: self._entry(ref)})

    def remove(self, name: str) -> None:
        self._change(lambda entries: {other: entry for other, entry in entries.items() if other != name})

    def write(self, refs: Iterable[Ref]) -> None:
        """Write it with exactly these entries, unless it has them already."""
        self._change(lambda _: {ref.name: self._entry(ref) for ref in refs})

    def names(self) -> dict[str, str]:
        """The digests by name."""
        return {name: entry["digest"] for name, entry in self._read().items()}

    def _change(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        with files.locked(self._layout.root / "index.lock"):
            before = self._read()
            after = change(dict(before))
            if after == before and self._path.is_file():
                return
            try:
                files.write(self._path, index(after.values()))
            except OSError as error:
                # It stays outdated, as after a kill: the records have it already, or space is being freed.
                if error.errno not in files.FULL:
                    raise

    def _read(self) -> dict[str, Any]:
        def parse(content: bytes) -> dict[str, Any]:
            entries = {name_of(entry): entry for entry in json_text.parse(content)["manifests"]}
            return {name: entry for name, entry in entries.items() if isinstance(entry["digest"], str)}

        try:
            return state_file.load(self._path, parse, "lmd store gc writes it again") or {}
        except UserError:
            return {}

    def _entry(self, ref: Ref) -> dict[str, Any]:
        try:
            size = self._layout.path(ref.digest).stat().st_size
        except FileNotFoundError:  # `verify` reports it
            size = 0
        return entry(ref, size)


def entry(ref: Ref, size: int) -> dict[str, Any]:
    """The descriptor of a manifest under a name."""
    return {
        "mediaType": MANIFEST,
        "artifactType": ref.artifact,
        "digest": ref.digest,
        "size": size,
        "annotations": {_NAME: ref.name},
    }


def index(entries: Iterable[dict[str, Any]]) -> bytes:
    """An index.json of these descriptors."""
    return digests.canonical_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": list(entries)})


def name_of(entry: Mapping[str, Any]) -> str:
    """The name of a descriptor in its index.

    Raises:
        KeyError: it has no name.
    """
    return str(entry["annotations"][_NAME])
