"""All layers that an environment's image has on top of its base image."""

import asyncio

from localmodel.environments.layers import base_python, packages, records, server, stack
from localmodel.environments.layers.base_python import BasePython
from localmodel.environments.layers.packages import EMPTY, Kind, Say
from localmodel.environments.locks.lock import Lock
from localmodel.oci import squash
from localmodel.oci.layout import Blob, Layout

# Set in the image, for the server.
VARIABLE = f"LOCALMODEL_PYTHON={packages.PLACE}/bin/python"


async def without_links(lock: Lock, kind: Kind, layout: Layout, say: Say) -> list[Blob]:
    """The layers that do not depend on the base image, lowest first: the server and the packages.

    Raises:
        UserError: the errors of `packages.of_lock()`.
    """
    below, blobs = await asyncio.gather(server.layer(kind, layout, say), packages.of_lock(lock, kind, layout, say))
    ordered = stack.ordered(blobs.values(), records.stacks(layout))
    records.keep_stack(layout, ordered)
    digests = [blob.digest for blob in blobs.values()]
    shared = records.find(layout, "shared", digests)
    if shared is None:
        shared = stack.shared(layout, blobs, say)
        records.keep(layout, shared, "shared", digests)
    return [below, *ordered, *([shared] if shared.size > EMPTY else [])]


async def layers(
    lock: Lock, kind: Kind, python: BasePython, layout: Layout, say: Say, *, sees_packages: bool, most: int
) -> list[Blob]:
    """At most `most` layers, lowest first: the server, links to the base image's Python, the packages.

    Raises:
        UserError: the errors of `packages.of_lock()`.
    """
    below, *above = await without_links(lock, kind, layout, say)
    links = base_python.links(python, layout, sees_packages=sees_packages)
    return squash.fewer(layout, [below, links, *above], most)
