"""Removing what nothing uses any more: images on nodes and host, and layers in the store. Nothing else.

What is in use is read from the ControllerRevisions of the living resources, never remembered. The store may serve
several clusters, so each operator leaves a note of what its cluster uses.
"""

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localmodel import digests, files
from localmodel.engine import nodes
from localmodel.engine.nodes import Node
from localmodel.layout import Layout
from localmodel_operator import names
from localmodel_operator.cluster import LMD, REVISION
from localmodel_operator.site import SWEEP, Site

log = logging.getLogger(__name__)

_AGAIN_WHEN_BUSY = 10.0  # seconds


@dataclass(frozen=True)
class Use:
    """What a cluster uses: image references, and keys of environments. `nodes` are its node containers' ids.

    `deployments` tells the store which models and code its revisions serve (localmodel.uses reads it).
    """

    images: tuple[str, ...]
    environments: tuple[str, ...]
    nodes: tuple[str, ...]
    deployments: tuple[Mapping[str, Any], ...] = ()


def in_use(owners: Iterable[Mapping[str, Any]], revisions: Iterable[Mapping[str, Any]], on: Iterable[Node]) -> Use:
    """What the revisions of living owners use."""
    living = {owner["metadata"]["uid"]: owner["metadata"] for owner in owners}
    kept = [
        (living[reference["uid"]], revision)
        for revision in revisions
        for reference in revision["metadata"].get("ownerReferences", [])
        if reference["uid"] in living
    ]
    return Use(
        tuple(sorted({revision["data"]["image"] for _, revision in kept})),
        tuple(sorted({revision["data"]["environment"] for _, revision in kept})),
        tuple(sorted(node.id for node in on)),
        tuple(_deployment(owner, revision) for owner, revision in kept),
    )


def _deployment(owner: Mapping[str, Any], revision: Mapping[str, Any]) -> dict[str, Any]:
    data = revision["data"]
    return {
        "target": "kind",
        "namespace": owner["namespace"],
        "name": owner["name"],
        "revision": revision["revision"],
        # Revisions made by an older operator do not say.
        "models": data.get("models", []),
        "code": data.get("code", ""),
        "entryScript": data.get("entryScript", ""),
    }


def doomed(present: Mapping[str, str], keep: Iterable[str]) -> list[str]:
    """The records to remove from a node that has `present` (name -> manifest digest).

    With a reference of ours goes the CRI's own record of the same image, unless another reference still needs it.
    """
    kept = set(keep)
    ours = {name for name in present if name.startswith(names.IMAGE_PREFIX)}
    gone = ours - kept
    needed = {present[name] for name in present if name not in gone and not name.startswith("sha256:")}
    dead = {present[name] for name in gone} - needed
    records = {name for name, manifest in present.items() if name.startswith("sha256:") and manifest in dead}
    return sorted(gone | records)


async def sweep(site: Site, cluster_uid: str) -> None:
    """One sweep of everything. Put off while images are being made."""
    try:
        with files.alone(site.layout.root / "lock"):
            await _sweep(site, cluster_uid)
    except BlockingIOError:
        site.queue.add_after(_AGAIN_WHEN_BUSY, SWEEP)


async def _sweep(site: Site, cluster_uid: str) -> None:
    cluster_nodes = await site.engine.call(nodes.nodes, site.kind_cluster)
    owners = await site.cluster.list(LMD)
    revisions = await site.cluster.list(REVISION, labels=names.MANAGED_SELECTOR)
    use = in_use(owners, revisions, cluster_nodes)
    for node in cluster_nodes:
        await site.engine.call(_sweep_node, node, use.images)
    alive = await site.engine.call(nodes.container_ids)
    uses = _other_uses(site.layout.root / "uses", cluster_uid, alive)
    files.write(site.layout.root / "uses" / f"{cluster_uid}.json", digests.canonical_json(use.__dict__))
    uses.append(use)
    await site.environments.forget({key for each in uses for key in each.environments})
    _sweep_blobs(site, [image for each in uses for image in each.images])


def _sweep_node(client: Any, node: Node, keep: Iterable[str]) -> None:
    gone = doomed(nodes.images(client, node), keep)
    if gone:
        log.info("%s: removing %d image records", node.name, len(gone))
        nodes.remove(client, node, gone)


def _other_uses(folder: Path, cluster_uid: str, alive: set[str]) -> list[Use]:
    """The notes of the other clusters; that of a cluster none of whose nodes is `alive` goes."""
    uses = []
    for path in folder.glob("*.json"):
        note = Use(**{name: tuple(value) for name, value in json.loads(path.read_bytes()).items()})
        if path.stem == cluster_uid:
            continue
        if alive.isdisjoint(note.nodes):
            path.unlink()
        else:
            uses.append(note)
    return uses


def _sweep_blobs(site: Site, images: Iterable[str]) -> None:
    layout = site.layout
    kept = {blob for image in images for blob in _blobs(layout, image.partition("@")[2])}
    for key in site.environments.keys():  # noqa: SIM118 - not a mapping
        found = site.environments.find(key)
        kept |= {layer.digest for layer in found.layers} if found else set()
    for path in (layout.root / "blobs" / "sha256").glob("*"):
        if f"sha256:{path.name}" not in kept:
            path.unlink()
    for path in (layout.root / "incoming").glob("*"):
        path.unlink()  # of an operator that was killed: nobody else writes while the sweep is alone


def _blobs(layout: Layout, manifest: str) -> set[str]:
    if not layout.path(manifest).is_file():
        return set()
    content = json.loads(layout.read(manifest))
    return {manifest, content["config"]["digest"], *(layer["digest"] for layer in content["layers"])}
