"""Delivery to a registry, from which nodes pull."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from localmodel.errors import UserError
from localmodel.oci import upload
from localmodel.oci.layout import Layout
from localmodel.oci.registry import RegistryError, Repository
from localmodel.updates.held import Held
from localmodel.updates.image import Image
from localmodel_operator.images.delivery import Delivered
from localmodel_operator.images.transfers import Transfers

T = TypeVar("T")

log = logging.getLogger(__name__)

# One repository for all deployments, so that a layer is sent only once.
_REPOSITORY = "deployments"
_BELIEVED = 60.0  # seconds
_PATIENCE = 2.0  # seconds that a pass waits for an answer
_THREADS = 4
_LACKS_BLOBS = frozenset({"BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN"})  # codes of the distribution-spec


@dataclass(frozen=True)
class Registry:
    """A registry. This process pushes to `host`, nodes pull from `pull_host`; `help` is an address to read more."""

    host: str
    pull_host: str
    prefix: str
    plain: bool = False
    help: str = ""


class Push:
    """Implements `Delivery`. Nothing is ever removed from the registry, because others may use it."""

    pull_policy = "IfNotPresent"
    everywhere = "the registry has the image"

    def __init__(self, layout: Layout, registry: Registry) -> None:
        self._layout, self._registry = layout, registry
        self._transfers = Transfers(layout.root / "lock")
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="push")
        self._seen: dict[str, float] = {}  # when the registry last had an image
        self._questions: dict[str, asyncio.Task[bool | None]] = {}
        self._blobs: set[str] = set()  # blobs that the registry has had

    def repository(self, owner_uid: str) -> str:
        return f"{self._registry.pull_host}/{self._registry.prefix}/{_REPOSITORY}"

    async def lacking(self, reference: str) -> list[str]:
        seen = self._seen.get(reference)
        if seen is not None and time.monotonic() < seen + _BELIEVED:
            return []
        if reference not in self._questions:
            self._questions[reference] = asyncio.create_task(self._ask(reference))
        answer = self._questions[reference]
        await asyncio.wait([answer], timeout=_PATIENCE)
        has_image = answer.result() if answer.done() else None
        if has_image is None:
            has_image = seen is not None  # a registry that does not answer has not lost anything
        return [] if has_image else [self._registry.host]

    async def _ask(self, reference: str) -> bool | None:
        """Whether the registry has the image, or None if it does not answer."""
        try:
            has_image = await self._call(self._has, _digest(reference))
        except UserError as error:
            log.warning("%s: %s", self._registry.host, error)
            return None
        finally:
            del self._questions[reference]
        if has_image:
            self._seen[reference] = time.monotonic()
        else:
            self._seen.pop(reference, None)
        return has_image

    async def deliver(
        self, image: Image, reference: str, held: Mapping[str, Held], done: Callable[[], None]
    ) -> Delivered:
        host = self._registry.host
        state = await self._transfers.begin(reference, {host: partial(self._send, image, reference)}, done)
        delivered = () if state.on_the_way or state.failed else (host,)
        help_text = f"; see {self._registry.help}" if self._registry.help else ""
        failed = {place: f"{why.removeprefix(f'{place} ')}{help_text}" for place, why in state.failed.items()}
        return Delivered(delivered, tuple(state.on_the_way), failed, state.again_after, what="registries")

    def doubt(self) -> None:
        self._seen.clear()
        self._blobs.clear()

    def renew(self) -> None:
        """Do nothing, because new nodes pull images themselves."""

    def swept(self, references: Collection[str]) -> None:
        """Do nothing, because the registry keeps them."""

    def stop(self) -> None:
        self._transfers.stop()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _send(self, image: Image, reference: str) -> None:
        try:
            await self._call(self._push, image)
        except RegistryError as error:
            if _LACKS_BLOBS.isdisjoint(error.codes):
                raise
            log.info("%s: asking for every blob, because: %s", self._registry.host, error)
            self._blobs.clear()
            await self._call(self._push, image)
        self._seen[reference] = time.monotonic()

    async def _call(self, function: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    def _remote(self, digest: str) -> Repository:
        # Each image has a tag, because registries delete manifests without one.
        tag = f"localmodel-{digest.removeprefix('sha256:')[:32]}"
        name = f"{self._registry.host}/{self._registry.prefix}/{_REPOSITORY}"
        return Repository(f"{name}:{tag}", self._registry.plain)

    def _has(self, digest: str) -> bool:
        with self._remote(digest) as remote:
            return remote.manifest(digest) is not None

    def _push(self, image: Image) -> None:
        with self._remote(image.manifest.digest) as remote:
            blobs = (*image.layers, image.config)
            upload.push(self._layout, blobs, image.manifest.digest, remote, self._blobs)
        self._blobs.update(blob.digest for blob in blobs)


def _digest(reference: str) -> str:
    return reference.partition("@")[2]
