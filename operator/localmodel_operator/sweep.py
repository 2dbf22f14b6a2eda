"""Removes what nothing uses any more: images on nodes and host, layers and built wheels in the store.

What is in use is always read anew, from the ControllerRevisions of the living resources and from what their pods run.
The store may serve several clusters, so each operator leaves a note of what its cluster uses. Images in a registry
stay, because others may use them.
"""

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localmodel import digests
from localmodel.cluster_records import names
from localmodel.disk import files, state_file
from localmodel.engine import nodes
from localmodel.engine.nodes import Node, NodeError
from localmodel.environments.layers import records
from localmodel.errors import UserError
from localmodel.oci.layout import Blob, Layout
from localmodel.store import artifacts
from localmodel_operator.cluster import DEPLOYMENT, LMD, POD, REVISION, Kind, Object
from localmodel_operator.operator import SWEEP, Operator
from localmodel_operator.wheels import kept
from localmodel_untrusted import json_text

log = logging.getLogger(__name__)

_AGAIN_WHEN_BUSY = 10.0  # seconds
_AGAIN_WHEN_SILENT = 600.0  # a node did not answer
_AGAIN = 24 * 3600.0  # often enough to keep this cluster's note recent
_ANSWERS_WITHIN = 5.0
_REMOVES_WITHIN = 30.0
_IMAGE = re.compile(r"[^@]+@sha256:[0-9a-f]{64}")
_FORGOTTEN_AFTER = 30 * 24 * 3600.0  # seconds without a note from a cluster whose nodes are not this engine's

# When each unused image was first seen unused, by name; a restarted operator gives them more time.
_unused: dict[str, float] = {}
# Questions that nodes have not answered yet, by id, so that a hanging node holds one thread, and no sweep.
_asked: dict[str, "asyncio.Task[dict[str, str] | None]"] = {}


@dataclass(frozen=True)
class Use:
    """What a cluster uses: image references and keys of environments. `nodes` are ids of its node containers.

    `deployments` has the models and code of its revisions, which `localmodel.store.uses` reads.
    """

    images: tuple[str, ...]
    environments: tuple[str, ...]
    nodes: tuple[str, ...]
    deployments: tuple[Mapping[str, Any], ...] = ()


def in_use(
    owners: Iterable[Mapping[str, Any]],
    revisions: Iterable[Mapping[str, Any]],
    running: Iterable[Mapping[str, Any]],
    on: Iterable[Node],
) -> Use:
    """What the revisions of living owners use, and what runs: pods, and Deployments, which may start more pods."""
    owners = list(owners)
    living = {owner["metadata"]["uid"]: owner for owner in owners}
    kept = [
        (living[reference["uid"]], revision)
        for revision in revisions
        for reference in revision["metadata"].get("ownerReferences", [])
        if reference["uid"] in living and _is_readable(revision)
    ]
    places = {(owner["metadata"]["namespace"], owner["metadata"]["name"]) for owner in living.values()}
    return Use(
        tuple(sorted({revision["data"]["image"] for _, revision in kept} | set(_run(running, places)))),
        tuple(sorted({revision["data"]["environment"] for _, revision in kept})),
        tuple(sorted(node.id for node in on)),
        tuple(_deployment(owner, revision) for owner, revision in kept),
    )


def _is_readable(revision: Mapping[str, Any]) -> bool:
    """Whether the revision can be read, because whoever can write ControllerRevisions can write anything.

    Unsigned ones count, too: keeping an unnecessary image does no harm.
    """
    data = revision.get("data")
    if not isinstance(data, dict) or not _IMAGE.fullmatch(str(data.get("image"))):
        return False
    texts = [data.get("environment"), data.get("code", ""), data.get("entryScript", "")]
    models = data.get("models", [])
    return isinstance(models, list) and all(isinstance(text, str) for text in [*texts, *models])


def _run(running: Iterable[Mapping[str, Any]], places: set[tuple[str, str]]) -> Iterator[str]:
    """Images of the pods and Deployments of these resources (namespace, name) that are not being deleted."""
    for item in running:
        metadata, spec = item["metadata"], item["spec"]
        labels = metadata["labels"]
        place = (metadata["namespace"], labels.get(names.DEPLOYMENT_LABEL) or labels.get(names.BUILD_LABEL, ""))
        if place in places and "deletionTimestamp" not in metadata:
            yield from (container["image"] for container in spec.get("template", {"spec": spec})["spec"]["containers"])


def _deployment(owner: Mapping[str, Any], revision: Mapping[str, Any]) -> dict[str, Any]:
    data = revision["data"]
    reference = owner.get("spec", {}).get("environment", {}).get("ref")
    return {
        "target": "kind",
        "namespace": owner["metadata"]["namespace"],
        "name": owner["metadata"]["name"],
        "environment": f"{reference['name']}:{reference['version']}" if reference else "",
        "revision": revision["revision"],
        # Revisions of older operators do not have it.
        "models": data.get("models", []),
        "code": data.get("code", ""),
        "entryScript": data.get("entryScript", ""),
    }


def doomed(present: Mapping[str, str], keep: Iterable[str], ours: tuple[str, ...] = (names.IMAGE_PREFIX,)) -> list[str]:
    """The records to remove from a node that has `present` (name -> manifest digest). `ours` are prefixes of our names.

    The CRI's own record of an image is removed with our reference, unless another reference still needs it.
    """
    kept = set(keep)
    gone = {name for name in present if name.startswith(ours)} - kept
    needed = {present[name] for name in present if name not in gone and not name.startswith("sha256:")}
    dead = {present[name] for name in gone} - needed
    records = {name for name, manifest in present.items() if name.startswith("sha256:") and manifest in dead}
    return sorted(gone | records)


def kept_for_now(
    unused: Iterable[str], used: Iterable[str], since: dict[str, float], now: float, seconds: float
) -> set[str]:
    """The unused images that stay for now, because their resource was just deleted, and may be applied again.

    Superseded images of an existing resource do not stay. `since` is when each was first unused, and is updated.
    """
    living = {name.partition("@")[0] for name in used}
    waiting = {name: since.get(name, now) for name in unused if name.partition("@")[0] not in living}
    since.clear()
    since.update(waiting)
    return {name for name, then in waiting.items() if now - then < seconds}


async def sweep(operator: Operator, cluster_uid: str) -> None:
    """Sweep everything once, or postpone it while images are being made."""
    cluster_nodes = await operator.engine.call(nodes.nodes, operator.kind_cluster) if operator.kind_cluster else []
    present = await _present(operator, cluster_nodes)
    try:
        # Edits wait for this block, so what takes long, and can be repaired, is done outside.
        with files.alone(operator.layout.root / "lock"):
            use, rests = await _sweep_here(operator, cluster_uid, cluster_nodes)
    except BlockingIOError:
        operator.queue.add_after(_AGAIN_WHEN_BUSY, SWEEP)
        return
    ours = (names.IMAGE_PREFIX, operator.delivery.repository("") + "@")
    others = await _of_others(operator) if present else ()
    kept = {*use.images, *(name for images in present.values() for name in images if name.startswith(others))}
    image_names = {name for images in present.values() for name in images if name.startswith(ours)}
    resting = kept_for_now(image_names - kept, use.images, _unused, time.monotonic(), operator.keep_seconds)
    gone = {node: doomed(images, kept | resting, ours) for node, images in present.items()}
    done = await asyncio.gather(*(_remove(operator, node, records) for node, records in gone.items() if records))
    if done:
        await _mend(operator, {record for records in gone.values() for record in records})
    silent = len(present) < len(cluster_nodes) or not all(done)
    again = _AGAIN_WHEN_SILENT if silent else _AGAIN
    # not before images that have just become unused may go
    operator.queue.add_after(min(again, operator.keep_seconds) if rests or resting else again, SWEEP)


async def _present(operator: Operator, cluster_nodes: Iterable[Node]) -> dict[Node, dict[str, str]]:
    """The image records of every node that answers."""
    for node in cluster_nodes:
        if node.id not in _asked and not node.paused:
            _asked[node.id] = asyncio.create_task(_images(operator, node))
    asked = {node: _asked[node.id] for node in cluster_nodes if node.id in _asked}
    if asked:
        await asyncio.wait(asked.values(), timeout=_ANSWERS_WITHIN)
    answers = {}
    for node, task in asked.items():
        if task.done() and (images := task.result()) is not None:
            answers[node] = images
    return answers


async def _images(operator: Operator, node: Node) -> dict[str, str] | None:
    try:
        return await operator.engine.call(nodes.images, node)
    except NodeError as error:
        log.warning("%s is not swept: %s", node.name, error)
        return None
    finally:
        del _asked[node.id]


async def _look(operator: Operator, cluster_nodes: Iterable[Node]) -> Use:
    owners = await _served(operator, LMD)
    revisions = await _served(operator, REVISION, names.MANAGED_SELECTOR)
    running = [item for kind in (DEPLOYMENT, POD) for item in await _served(operator, kind, names.MANAGED_SELECTOR)]
    return in_use(owners, revisions, running, cluster_nodes)


async def _served(operator: Operator, kind: Kind, labels: str = "") -> list[Object]:
    """The objects in the served namespaces, because there may be no right to read others."""
    return [
        item
        for namespace in operator.namespaces or (None,)
        for item in await operator.cluster.list(kind, namespace, labels)
    ]


async def _of_others(operator: Operator) -> tuple[str, ...]:
    """Prefixes of the images of living resources in other namespaces, whose pods may start again."""
    owners = await operator.cluster.list(LMD) if operator.namespaces else []
    living = (owner["metadata"] for owner in owners)
    return tuple(
        names.repository(resource["uid"]) + "@"
        for resource in living
        if resource["namespace"] not in operator.namespaces
    )


async def _sweep_here(operator: Operator, cluster_uid: str, cluster_nodes: Iterable[Node]) -> tuple[Use, bool]:
    """Sweep this machine; return what this cluster uses, and whether unused environments are kept."""
    use, note, rests = (
        await _look(operator, cluster_nodes),
        operator.layout.root / "uses" / f"{cluster_uid}.json",
        False,
    )
    wheels = kept.of_cluster(operator.store.root, cluster_uid)
    lived_in = {owner["metadata"]["namespace"] for owner in await _served(operator, LMD)} & kept.namespaces(wheels)
    living = {namespace: await kept.name_of(operator.cluster, namespace) for namespace in lived_in}
    await asyncio.to_thread(kept.sweep, wheels, living, operator.namespaces)
    left: set[str] = set()
    with contextlib.suppress(UserError):  # a damaged note is written anew
        before = state_file.read(note, Use, "")
        left = set(before.environments) - set(use.environments) if before else set()
    files.write(note, digests.canonical_json(use.__dict__))
    try:
        uses = [*other_uses(operator.layout.root / "uses", cluster_uid, await _alive(operator)), use]
        rests = await operator.environments.forget(
            {key for cluster_use in uses for key in cluster_use.environments}, left
        )
        _sweep_blobs(operator, [image for cluster_use in uses for image in cluster_use.images])
    except UserError as error:
        state_file.unreadable(error)
        log.warning("nothing is removed from %s, what is needed of it is not known: %s", operator.layout.root, error)
    return use, rests


async def _mend(operator: Operator, removed: set[str]) -> None:
    """Deliver an image again that was removed from nodes, and is wanted again meanwhile."""
    operator.delivery.swept(removed)
    if removed.isdisjoint((await _look(operator, ())).images):
        return
    for owner in await _served(operator, LMD):
        operator.queue.add((owner["metadata"]["namespace"], owner["metadata"]["name"]))


async def _remove(operator: Operator, node: Node, records: list[str]) -> bool:
    log.info("%s: removing %d image records", node.name, len(records))
    try:
        async with asyncio.timeout(_REMOVES_WITHIN):
            await operator.engine.call(nodes.remove, node, records)
    except (NodeError, TimeoutError) as error:
        log.warning("%s is not swept: %s", node.name, error)
        return False
    return True


async def _alive(operator: Operator) -> set[str] | None:
    """The ids of the kind nodes on this machine's engine, or None if it does not answer."""
    try:
        return await operator.engine.call(nodes.container_ids)
    except UserError:
        return None


def other_uses(folder: Path, cluster_uid: str, alive: set[str] | None) -> list[Use]:
    """The notes of other clusters, without those of clusters that are gone.

    A kind cluster is gone if none of its nodes is `alive`; another one after a long silence.

    Raises:
        UserError: StateDamaged, StateNewer.
    """
    uses = []
    for path in folder.glob("*.json"):
        if path.stem == cluster_uid:
            continue
        note = state_file.read(path, Use, "its operator writes it anew, remove it where there is none any more")
        if note is None:  # it has just been removed
            continue
        if note.nodes:
            is_gone = alive is not None and alive.isdisjoint(note.nodes)
        else:
            is_gone = path.stat().st_mtime < time.time() - _FORGOTTEN_AFTER
        if is_gone:
            path.unlink()
        else:
            uses.append(note)
    return uses


def _sweep_blobs(operator: Operator, images: Iterable[str]) -> None:
    layout = operator.layout
    kept = {blob for image in images for blob in _blobs(layout, image.partition("@")[2])} | records.recent(layout)
    for key in operator.environments.keys():  # noqa: SIM118 - not a mapping
        environment = operator.environments.recorded(key)
        kept |= {layer.digest for layer in environment.layers} if environment else set()
    for path in (layout.root / "blobs" / "sha256").glob("*"):
        if f"sha256:{path.name}" not in kept:
            path.unlink()
    for path in (layout.root / "incoming").glob("*"):
        path.unlink()  # left by a killed operator: nobody else writes while the sweep holds the lock alone
    for folder in ("models", "received", "squashed"):
        for path in (layout.root / folder).glob("*.json"):
            with contextlib.suppress(UserError):  # an unreadable record is made anew when it is needed
                blob = state_file.read(path, Blob, "it is made anew")
                if blob and not layout.has(blob):
                    path.unlink()


def _blobs(layout: Layout, manifest: str) -> set[str]:
    """The digests of a manifest and of the blobs that it names.

    Raises:
        UserError: StateDamaged.
    """
    named = state_file.load(layout.path(manifest), _named, "its image is made anew when it is removed")
    return {manifest, *named} if named else set()


def _named(content: bytes) -> set[str]:
    return {blob.digest for blob in artifacts.blobs(json_text.parse(content))}
