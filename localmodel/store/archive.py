"""Versions in one file, for networks that no registry reaches: a tar of an OCI layout, which other tools read too."""

import json
import re
import tarfile
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from localmodel import digests, files, layers
from localmodel.errors import UserError
from localmodel.layout import Blob, Layout, Meter
from localmodel.store import artifacts, sharing
from localmodel.store.index import Ref, entry, index, name_of
from localmodel.store.sharing import AnyVersion, Receiver

_BLOB = re.compile(r"blobs/(sha256)/([0-9a-f]{64})")
_LIMIT = 16 << 20  # bytes of index.json, a manifest or a record: what is held in memory
_RECORD = ".record"


def write(layout: Layout, versions: Iterable[tuple[Ref, AnyVersion]], path: Path, progress: Meter | None) -> None:
    """Write the versions into one file, in one step.

    Raises:
        UserError: FileExists, StoreDamaged, StoreFull.
    """
    if path.exists():
        raise UserError("FileExists", f"{path} exists already")
    entries, blobs = [], dict[str, bytes | Path]()
    for ref, version in versions:
        parcel = sharing.pack(layout, version)
        record = Ref(f"{ref.name}{_RECORD}", digests.of_bytes(parcel.record), sharing.RECORD)
        entries += [entry(ref, len(parcel.manifest)), entry(record, len(parcel.record))]
        blobs |= {blob.digest: layout.path(blob.digest) for blob in parcel.blobs}
        blobs |= {digests.of_bytes(content): content for content in (parcel.manifest, parcel.record, *parcel.extra)}
    content = [
        layers.Entry("oci-layout", digests.canonical_json({"imageLayoutVersion": "1.0.0"})),
        layers.Entry("index.json", index(entries)),
        *(layers.Entry(f"blobs/{digest.replace(':', '/')}", blob) for digest, blob in blobs.items()),
    ]
    total, done = sum(each.size for each in content), 0
    with files.room(path.parent, total), files.replacing(path) as file:
        for chunk in layers.tar(content):
            file.write(chunk)
            done += len(chunk)
            if progress:
                progress(min(done, total), total)


def read(
    layout: Layout, receiver: Receiver, path: Path, name: str | None, progress: Meter | None
) -> Iterator[AnyVersion]:
    """Take in the versions of a file. Call it while garbage collection is held off.

    The blobs come first and have no name, so nothing is to be seen of a file that is damaged further on.

    Raises:
        UserError: ArchiveInvalid, ContentDamaged, and what Receiver raises.
    """
    try:
        content = _take_in(layout, path, progress)
        found = {name_of(each): artifacts.blob(each) for each in json.loads(content)["manifests"]}
        arrived = [_arrived(layout, receiver, found, ref) for ref in found if not ref.endswith(_RECORD)]
    except (OSError, tarfile.TarError, ValueError, KeyError, TypeError) as error:
        raise UserError("ArchiveInvalid", f"{path}: not a file that lmd model export writes: {error}") from None
    for manifest, record in arrived:
        yield receiver.keep(manifest, record, name)


def _take_in(layout: Layout, path: Path, progress: Meter | None) -> bytes:
    """Put the file's blobs into the layout; returns its index.json."""
    index_json, size = b"", path.stat().st_size
    with path.open("rb") as raw, tarfile.open(fileobj=raw, mode="r:") as archive:
        tell = (lambda _: progress(min(raw.tell(), size), size)) if progress else None
        for member in archive:
            content = _content(archive, member, path)
            if content is None:
                continue
            if member.name == "index.json":
                index_json = content.read(_LIMIT)
            elif blob := _BLOB.fullmatch(member.name):
                expected = Blob(":".join(blob.groups()), member.size)
                if not layout.has(expected):
                    layout.write(iter(partial(content.read, layers.CHUNK), b""), tell, expected)
    return index_json


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> IO[bytes] | None:
    """The member's content, if it is a file. Its name is never used as a path; one that would lead out is refused."""
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or not (member.isfile() or member.isdir()):
        raise UserError(
            "ArchiveInvalid", f"{path}: {member.name!r} has no place in an OCI layout; nothing was taken in"
        )
    return archive.extractfile(member)


def _arrived(layout: Layout, receiver: Receiver, found: dict[str, Blob], ref: str) -> tuple[bytes, bytes | None]:
    """The manifest and the record of a name; every blob of it is there."""
    manifest = layout.read(found[ref].digest)
    for blob in receiver.check(manifest):
        if not layout.has(blob):
            raise UserError("ContentDamaged", f"{ref}: the file lacks the blob {blob.digest}")
    about = found.get(f"{ref}{_RECORD}")
    record = sharing.record_of(layout.read(about.digest), found[ref].digest) if about else None
    return manifest, layout.read(record.digest) if record else None
