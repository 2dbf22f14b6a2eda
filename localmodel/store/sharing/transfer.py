"""Pushes and pulls versions; what the other side has already is not sent again."""

from localmodel import digests, reasons
from localmodel.errors import UserError
from localmodel.oci import upload
from localmodel.oci.layout import Layout, Meter
from localmodel.oci.registry import Repository
from localmodel.oci.upload import Count
from localmodel.store.sharing import sharing
from localmodel.store.sharing.note import Note, blob_of
from localmodel.store.sharing.sharing import AnyVersion, Receiver

_RECORD_TAG = ".record"


def push(layout: Layout, version: AnyVersion, remote: Repository, progress: Meter | None) -> str:
    """Send the version under the remote's tag; return the manifest's digest."""
    parcel = sharing.pack(layout, version)
    upload.send(layout, parcel.blobs, remote, progress)
    remote.put(remote.tag, parcel.manifest)
    put(remote, remote.tag + _RECORD_TAG, parcel.record)
    return version.digest


def put(remote: Repository, tag: str, note: Note) -> None:
    """Send a note under a tag."""
    for content in note.blobs:
        if not remote.has(blob := blob_of(content)):
            remote.send(blob, content, lambda _: None)
    remote.put(tag, note.manifest)


def pull(
    layout: Layout,
    receiver: Receiver,
    remote: Repository,
    name: str | None,
    only: type[AnyVersion] | None,
    progress: Meter | None,
) -> AnyVersion:
    """Fetch the version of the remote's tag. Call it while garbage collection is held off.

    Raises:
        UserError: ArtifactNotFound, ContentDamaged, and the errors of `Receiver`.
    """
    manifest = remote.manifest(remote.tag)
    if manifest is None:
        raise UserError(reasons.ARTIFACT_NOT_FOUND, f"the registry has no tag {remote.tag} there")
    missing = [blob for blob in receiver.check(manifest) if not layout.has(blob)]
    count = Count(sum(blob.size for blob in missing), progress)
    for blob in missing:
        layout.write(remote.receive(blob, count), expected=blob)
    (kept,) = receiver.keep([receiver.version(manifest, _record(remote, digests.of_bytes(manifest)), name)], only)
    return kept


def _record(remote: Repository, digest: str) -> bytes | None:
    blob = sharing.record_of(remote.manifest(remote.tag + _RECORD_TAG), digest)
    if blob is None:
        return None
    content = b""
    for chunk in remote.receive(blob, lambda _: None):
        content += chunk
        if len(content) > blob.size:
            break
    return content if digests.of_bytes(content) == blob.digest else None
