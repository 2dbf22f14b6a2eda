"""Records of layers that are kept, each under a digest of what its layer is made of."""

import contextlib
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from localmodel import digests
from localmodel.disk import files, state_file
from localmodel.errors import UserError
from localmodel.oci import layers
from localmodel.oci.layout import Blob, Layout

# Of what a layer is made of its content; another one means that every layer is made again.
FORMAT = 1
_FOLDER, _STACKS = "layers", "stacks"
_KEPT = 7 * 24 * 3600.0  # seconds after the last use


@dataclass(frozen=True)
class _Stack:
    layers: tuple[str, ...]


def find(layout: Layout, *content: object) -> Blob | None:
    """The layer of this content, if the layout has it; it is used now."""
    path = _path(layout, content)
    blob = layout.recorded(path)
    if blob:
        path.touch()
    return blob


def keep(layout: Layout, blob: Blob, *content: object) -> None:
    layout.record(_path(layout, content), blob)


def keep_names(layout: Layout, blob: Blob, names: Iterable[str]) -> None:
    """Note the paths of a layer's files, because reading them from the layer takes half a second for large packages."""
    files.write(_names(layout, blob), "\n".join(names).encode())


def names(layout: Layout, blob: Blob) -> list[str]:
    """The paths of a layer's files."""
    try:
        return _names(layout, blob).read_text().split("\n")
    except FileNotFoundError:
        return layers.files_in(layout.path(blob.digest))


def _names(layout: Layout, blob: Blob) -> Path:
    return layout.root / _FOLDER / f"{blob.digest.removeprefix('sha256:')}.names"


def stacks(layout: Layout) -> list[tuple[str, ...]]:
    """The stacks of layers (digests) that environments have, lowest first."""
    found = []
    for path in (layout.root / _STACKS).glob("*.json"):
        with contextlib.suppress(UserError):  # it is written again with its environment
            if stack := state_file.read(path, _Stack, "it is written again"):
                found.append(stack.layers)
    return found


def keep_stack(layout: Layout, stack: Iterable[Blob]) -> None:
    """Note that an environment has this stack."""
    content = digests.canonical_json(asdict(_Stack(tuple(blob.digest for blob in stack))))
    name = digests.of_bytes(content).removeprefix("sha256:")[:32]
    files.write(layout.root / _STACKS / f"{name}.json", content)


def recent(layout: Layout) -> set[str]:
    """Digests of the layers that were used in the last days. Older records are removed, and those of lost layers."""
    for path in (layout.root / _STACKS).glob("*.json"):
        if _is_old(path):
            path.unlink()
    kept = set()
    for path in (layout.root / _FOLDER).glob("*.json"):
        blob = layout.recorded(path)
        if blob is None or _is_old(path):
            path.unlink()
        else:
            kept.add(blob.digest)
    for path in (layout.root / _FOLDER).glob("*.names"):
        if f"sha256:{path.stem}" not in kept:
            path.unlink()
    return kept


def prune(layout: Layout) -> None:
    """Remove all blobs but those layers, unless an operator has used the layout: then its sweep does so.

    Nobody else uses the layout meanwhile.
    """
    if not any(layout.root.glob("environments/*.json")) and not any(layout.root.glob("uses/*.json")):
        kept = recent(layout)
        for digest in layout.blobs():
            if digest not in kept:
                layout.remove(digest)


def _is_old(path: Path) -> bool:
    return time.time() - path.stat().st_mtime > _KEPT


def _path(layout: Layout, content: tuple[object, ...]) -> Path:
    name = digests.of_json([FORMAT, *content]).removeprefix("sha256:")[:32]
    return layout.root / _FOLDER / f"{name}.json"
