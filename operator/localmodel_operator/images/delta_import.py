"""Delivery to the nodes of a kind cluster: sends each node the layers that it lacks, to all at the same time."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial

from localmodel import reasons
from localmodel.cluster_records import names
from localmodel.engine import nodes
from localmodel.engine.client import Engine
from localmodel.engine.nodes import Node, NodeError
from localmodel.errors import UserError
from localmodel.oci.layout import Layout
from localmodel.updates import archive
from localmodel.updates.held import NOTHING, Held, archive_without
from localmodel.updates.image import Image, chain_ids
from localmodel_operator.images.delivery import Delivered
from localmodel_operator.images.transfers import Transfers

log = logging.getLogger(__name__)

_BELIEVED = 60.0  # seconds; asking takes a tenth of a second, and pods report trouble at once
_PATIENCE = 1.0  # seconds to wait for a node's answer, which counts whenever it comes


@dataclass
class _Seen:
    """The images that pods on a node could use at a time of the monotonic clock."""

    images: set[str]
    when: float


@dataclass(frozen=True)
class _Question:
    task: asyncio.Task[None]
    until: float


class DeltaImport:
    """Implements `Delivery`. A node is identified by its container's id, so that a recreated one counts as new."""

    pull_policy = "Never"
    everywhere = "every node has the image"

    def __init__(self, engine: Engine, layout: Layout, cluster: str) -> None:
        self._engine, self._layout, self._cluster = engine, layout, cluster
        self._transfers = Transfers(layout.root / "lock")
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._seen: dict[str, _Seen] = {}
        self._chains: dict[str, set[str]] = {}
        self._questions: dict[str, _Question] = {}

    def repository(self, owner_uid: str) -> str:
        return names.repository(owner_uid)

    async def lacking(self, reference: str) -> list[str]:
        return [node.name for node in await self._without(await self._nodes(), reference)]

    async def deliver(
        self, image: Image, reference: str, held: Mapping[str, Held], done: Callable[[], None]
    ) -> Delivered:
        cluster_nodes = await self._nodes()
        without = await self._without(cluster_nodes, reference)
        sends = {node.id: partial(self._send, node, image, reference, held.get(node.name, NOTHING)) for node in without}
        state = await self._transfers.begin(reference, sends, done)
        without_still = {*state.on_the_way, *state.failed}
        called = {node.id: node.name for node in cluster_nodes}
        return Delivered(
            to=tuple(name for key, name in called.items() if key not in without_still),
            on_the_way=tuple(called[key] for key in state.on_the_way),
            failed={called[key]: why for key, why in state.failed.items()},
            again_after=state.again_after,
        )

    def doubt(self) -> None:
        self._seen.clear()
        self._chains.clear()

    def renew(self) -> None:
        self.doubt()
        self._transfers.wake()

    def swept(self, references: Collection[str]) -> None:
        for seen in self._seen.values():
            seen.images.difference_update(references)

    def stop(self) -> None:
        self._transfers.stop()

    async def _nodes(self) -> list[Node]:
        found = await self._engine.call(nodes.nodes, self._cluster)
        if not found:
            raise UserError(
                reasons.ENGINE_UNREACHABLE,
                f"the engine shows no running node of kind cluster {self._cluster}, so images cannot be brought there. "
                "Give the operator the engine that the nodes run in (DOCKER_HOST); Docker Desktop shows its own nodes "
                "with Settings, Kubernetes, Show system containers",
            )
        return found

    # -- asking ---------------------------------------------------------------------------------------------------

    async def _without(self, cluster_nodes: list[Node], reference: str) -> list[Node]:
        seen = await asyncio.gather(*map(self._look, cluster_nodes))
        return [node for node, images in zip(cluster_nodes, seen, strict=True) if not images or reference not in images]

    async def _look(self, node: Node) -> set[str]:
        """The images that the node last had; empty if it has never answered."""
        seen = self._seen.get(node.id)
        if seen is None or time.monotonic() > seen.when + _BELIEVED:
            question = self._questions.get(node.id)
            if question is None:
                task = asyncio.create_task(self._ask(node))
                question = self._questions[node.id] = _Question(task, time.monotonic() + _PATIENCE)
            # Later calls do not wait for a node that hangs.
            await asyncio.wait([question.task], timeout=max(question.until - time.monotonic(), 0))
            seen = self._seen.get(node.id)
        return seen.images if seen else set()

    async def _ask(self, node: Node) -> None:
        try:
            images = await self._engine.call(nodes.usable_images, node)
            self._seen[node.id] = _Seen(images, time.monotonic())
        except Exception as error:  # any error means that the node has not answered
            log.warning("%s: %s", node.name, error)
        finally:
            del self._questions[node.id]

    # -- sending --------------------------------------------------------------------------------------------------

    async def _send(self, node: Node, image: Image, reference: str, held: Held) -> None:
        # One at a time for each node, so that a second image finds the layers of the same new environment there.
        async with self._turns[node.id]:
            async for known, taken in self._ways(node, held):
                if await self._import(node, image, reference, known, taken):
                    return

    async def _ways(self, node: Node, held: Held) -> AsyncIterator[tuple[set[str], Held]]:
        """What the node may have, as long as it refuses: a pod's files once, because they may have changed."""
        believed = self._chains.pop(node.id, None)
        if believed is not None:
            yield believed, held
        known = await self._engine.call(nodes.chain_ids, node)
        if believed is None and held.places:
            yield known, held
        yield known, NOTHING
        yield set(), NOTHING

    async def _import(self, node: Node, image: Image, reference: str, known: set[str], held: Held) -> bool:
        """Send what a node with these chain ids and files lacks; return False if it lacks more than that."""
        sent = archive.missing(image, known)
        chunks, gaps = await asyncio.to_thread(archive_without, self._layout, image, reference, sent, held)
        taken = sum(gap.size for gap in gaps)
        size = sum(blob.size for blob in (image.manifest, image.config, *sent)) - taken
        from_pod = f"; {taken} more are taken from a pod there" if taken else ""
        log.info("%s: sending %d of %d layers, %d bytes%s", node.name, len(sent), len(image.layers), size, from_pod)
        try:
            await self._engine.call(nodes.load, node, chunks, reference, held.folder, gaps)
        except NodeError as error:
            if gaps or (len(sent) < len(image.layers) and "not found" in str(error)):
                log.info("%s: %s", node.name, error)
                return False
            raise
        self._chains[node.id] = {*known, *chain_ids(layer.digest for layer in image.layers)}
        if node.id in self._seen:
            self._seen[node.id].images.add(reference)
        return True
