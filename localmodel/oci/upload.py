"""Sends what a repository lacks: blobs, and the manifest of an image that they make."""

import logging
from collections.abc import Collection, Iterable

from localmodel.oci.layout import Blob, Layout, Meter
from localmodel.oci.registry import Repository

log = logging.getLogger(__name__)


class Count:
    """Counts the transferred bytes."""

    def __init__(self, total: int, progress: Meter | None) -> None:
        self._done, self._total, self._progress = 0, total, progress

    def __call__(self, size: int) -> None:
        self._done += size
        if self._progress:
            self._progress(self._done, self._total)


def send(
    layout: Layout,
    blobs: Iterable[Blob],
    remote: Repository,
    progress: Meter | None = None,
    known: Collection[str] = (),
) -> int:
    """Send the blobs of the layout that the repository lacks; return their bytes. It is not asked for `known` digests.

    Raises:
        UserError: RegistryUnreachable, RegistryRefused.
    """
    wanted = dict.fromkeys(blobs)
    missing = [blob for blob in wanted if blob.digest not in known and not remote.has(blob)]
    size = sum(blob.size for blob in missing)
    log.info("%s: sending %d of %d blobs, %d bytes", remote.host, len(missing), len(wanted), size)
    count = Count(size, progress)
    for blob in missing:
        remote.send(blob, layout.path(blob.digest), count)
    return size


def push(layout: Layout, blobs: Iterable[Blob], manifest: str, remote: Repository, known: Collection[str] = ()) -> int:
    """Send an image, and let the repository's tag name it; return the bytes of the blobs that were sent.

    `manifest` is its digest in the layout; `known` is as in `send()`.

    Raises:
        UserError: RegistryUnreachable, RegistryRefused.
    """
    size = send(layout, blobs, remote, known=known)
    remote.put(remote.tag, layout.read(manifest))
    return size
