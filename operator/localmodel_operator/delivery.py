"""How an image reaches the places from which pods get it: the nodes of a kind cluster, or a registry."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from localmodel.engine import nodes
from localmodel.engine.client import Engine
from localmodel.engine.nodes import Node, NodeError
from localmodel.image import Image
from localmodel.layout import Blob, Layout
from localmodel_operator import archive

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Delivered:
    """How far a delivery is. Places are named as their user knows them: a node, a registry's address.

    `to` have the image; to those `on_the_way` it is being sent, beyond this call; `failed` says of others why not.
    `again_after` is in how many seconds it makes sense to try those that failed again (None: none failed).
    """

    to: tuple[str, ...]
    on_the_way: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    again_after: float | None = None
    what: str = "nodes"

    @property
    def complete(self) -> bool:
        return not self.on_the_way and not self.failed

    @property
    def usable(self) -> bool:
        """Whether a pod could start somewhere: a place that is broken must not hold the others up."""
        return bool(self.to)

    @property
    def message(self) -> str:
        """`delivered to 2 of 3 nodes; node x: why`."""
        every = len(self.to) + len(self.on_the_way) + len(self.failed)
        parts = [f"delivered to {len(self.to)} of {every} {self.what}"]
        if self.on_the_way:
            parts.append(f"on its way to {', '.join(sorted(self.on_the_way))}")
        parts += [f"{name}: {why}" for name, why in sorted(self.failed.items())]
        return "; ".join(parts)


class Delivery(Protocol):
    """Made once, for the life of an operator. Every method is safe to call from several passes at once."""

    # of containers: "Never" where nothing can be pulled, "IfNotPresent" where a registry has it
    pull_policy: str
    # what to say when a delivery is complete
    everywhere: str

    def repository(self, owner_uid: str) -> str:
        """Repository of the images of the LocalModelDeployment with this uid."""

    async def lacking(self, reference: str) -> list[str]:
        """Names of the places from which a pod could not get the image now; a place that does not answer is one.

        Cheap enough for each pass: what was seen a moment ago is believed, until something speaks against it.
        """

    async def deliver(self, image: Image, reference: str, done: Callable[[], None]) -> Delivered:
        """Bring the image to every place that lacks it, to all at once.

        Returns after a few seconds at the latest, whatever a place does. What is then still on the way goes on, and
        `done()` is called whenever a place has it, or has failed. Calling it again joins what is under way. A place
        that failed is left alone for a while, longer each time.
        """

    def doubt(self) -> None:
        """A pod could not use an image (ErrImageNeverPull, ErrImagePull, …): believe nothing, look again."""

    def renew(self) -> None:
        """A node is new, or ready again: believe nothing, and try at once where it failed before."""

    def stop(self) -> None:
        """Let go of what is on the way."""


# To go with the new reconcile.py.


async def lacking(engine: Engine, cluster_nodes: list[Node], reference: str) -> list[Node]:
    """The nodes on which a pod could not use the image now."""
    found = await asyncio.gather(*(engine.call(nodes.usable_images, node) for node in cluster_nodes))
    return [node for node, there in zip(cluster_nodes, found, strict=True) if reference not in there]


async def deliver(engine: Engine, layout: Layout, image: Image, reference: str, to: list[Node]) -> None:
    """Bring the image to these nodes, all at once. Returns when each node's kubelet can use it.

    Raises:
        NodeError: a node did not take it.
    """
    await asyncio.gather(*(_deliver(engine, layout, image, reference, node) for node in to))


async def _deliver(engine: Engine, layout: Layout, image: Image, reference: str, node: Node) -> None:
    # One at a time for each node: the second of two images on the same new environment finds its layers there.
    async with engine.turns[node.id]:
        sent = archive.missing(image, await engine.call(nodes.chain_ids, node))
        try:
            await _send(engine, layout, image, reference, node, sent)
        except NodeError as error:
            if len(sent) == len(image.layers):
                raise
            # a snapshot was collected between the question and the import
            log.info("%s: sending every layer, because: %s", node.name, error)
            await _send(engine, layout, image, reference, node, list(image.layers))


async def _send(engine: Engine, layout: Layout, image: Image, reference: str, node: Node, sent: list[Blob]) -> None:
    size = sum(blob.size for blob in (image.manifest, image.config, *sent))
    log.info("%s: sending %d of %d layers, %d bytes", node.name, len(sent), len(image.layers), size)
    await engine.call(nodes.load, node, archive.archive(layout, image, reference, sent), reference)
