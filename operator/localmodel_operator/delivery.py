"""Bringing an image to every node of the cluster, by sending what each node lacks."""

import asyncio
import logging

from localmodel.engine import nodes
from localmodel.engine.client import Engine
from localmodel.engine.nodes import Node, NodeError
from localmodel.image import Image
from localmodel.layout import Blob, Layout
from localmodel_operator import archive

log = logging.getLogger(__name__)


async def lacking(engine: Engine, cluster_nodes: list[Node], reference: str) -> list[Node]:
    """The nodes on which a pod could not use the image now."""
    found = await asyncio.gather(*(engine.call(nodes.has_image, node, reference) for node in cluster_nodes))
    return [node for node, there in zip(cluster_nodes, found, strict=True) if not there]


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
