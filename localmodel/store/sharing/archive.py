"""Versions in one file, for networks without a registry: a tar of an OCI layout, which other tools can read, too."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from localmodel import digests, reasons
from localmodel.disk import files, user_file
from localmodel.errors import UserError
from localmodel.oci import layers
from localmodel.oci.layout import Blob, Layout, Meter
from localmodel.store import artifacts
from localmodel.store.index import Ref, entry, index, name_of
from localmodel.store.sharing import received, sharing
from localmodel.store.sharing.sharing import AnyVersion, Receiver
from localmodel_untrusted import tar

_RECORD = ".record"


def write(layout: Layout, versions: Iterable[tuple[Ref, AnyVersion]], path: Path, progress: Meter | None) -> None:
    """Write the versions into one file, atomically.

    Raises:
        UserError: FileExists, StoreDamaged, StoreFull.
    """
    if path.exists():
        raise UserError(reasons.FILE_EXISTS, f"{path} exists already")
    entries, blobs = [], dict[str, bytes | Path]()
    for ref, version in versions:
        parcel = sharing.pack(layout, version)
        record = Ref(f"{ref.name}{_RECORD}", digests.of_bytes(parcel.record.manifest), sharing.RECORD)
        entries += [entry(ref, len(parcel.manifest)), entry(record, len(parcel.record.manifest))]
        blobs |= {blob.digest: layout.path(blob.digest) for blob in parcel.blobs}
        blobs |= {
            digests.of_bytes(content): content
            for content in (parcel.manifest, parcel.record.manifest, *parcel.record.blobs)
        }
    content = [
        layers.Entry("oci-layout", digests.canonical_json({"imageLayoutVersion": "1.0.0"})),
        layers.Entry("index.json", index(entries)),
        *(layers.Entry(f"blobs/{digest.replace(':', '/')}", blob) for digest, blob in blobs.items()),
    ]
    total, done = sum(content_blob.size for content_blob in content), 0
    with files.room(path.parent, total), user_file.replacing(path) as file:
        for chunk in layers.tar(content):
            file.write(chunk)
            done += len(chunk)
            if progress:
                progress(min(done, total), total)


def read(
    layout: Layout,
    receiver: Receiver,
    path: Path,
    name: str | None,
    only: type[AnyVersion] | None,
    progress: Meter | None,
) -> list[AnyVersion]:
    """Import the versions of a file, all or none. Call it while garbage collection is held off.

    Blobs are read first and have no name, so that nothing is visible of a file that is damaged further on.

    Raises:
        UserError: ArchiveInvalid, ContentDamaged, and the errors of `Receiver`.
    """
    try:
        with layers.reading(path) as file:
            source = _Source(path, file, layout)
            index = received.value(source.small("index.json"))
            named = {name_of(entry): artifacts.blob(entry) for entry in index["manifests"]}
            arriving = [_arriving(source, receiver, named, ref) for ref in named if not ref.endswith(_RECORD)]
            source.take_in([blob for manifest, _ in arriving for blob in receiver.check(manifest)], progress)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            reasons.ARCHIVE_INVALID, f"{path}: not a file that lmd model export writes: {received.why(error)}"
        ) from None
    return receiver.keep((receiver.version(*parts, name) for parts in arriving), only)


class _Source:
    """The blobs of an open file, to add to the layout."""

    def __init__(self, path: Path, file: BinaryIO, layout: Layout) -> None:
        self._path, self._file, self._layout = path, file, layout
        self._members = {str(member.path): member for member in layers.members(file) if not member.is_folder}

    def small(self, name: str) -> bytes:
        """The file's content of this name.

        Raises:
            KeyError: there is none.
            ValueError: it is larger than JSON may be.
        """
        if self._members[name].size > received.MOST_JSON:
            raise ValueError(f"{name} has more than {received.MOST_JSON} bytes")
        return b"".join(self._chunks(name))

    def json(self, blob: Blob) -> bytes:
        """The content of a blob that fits into memory.

        Raises:
            UserError: ContentDamaged.
        """
        if not self._has(blob):
            return self._layout.read(blob.digest)
        content = self.small(_place(blob))
        if digests.of_bytes(content) != blob.digest:
            raise UserError(
                reasons.CONTENT_DAMAGED, f"{self._path}: {blob.digest} is something else than its name says"
            )
        return content

    def take_in(self, blobs: list[Blob], progress: Meter | None) -> None:
        """Put the blobs into the layout.

        Raises:
            UserError: ContentDamaged, StoreFull.
        """
        wanted = [blob for blob in dict.fromkeys(blobs) if self._has(blob) and not self._layout.has(blob)]
        total, done = sum(blob.size for blob in wanted), 0
        for blob in wanted:
            before = done
            tell = (lambda size, before=before: progress(before + size, total)) if progress else None
            self._layout.write(self._chunks(_place(blob)), tell, blob)
            done += blob.size

    def _has(self, blob: Blob) -> bool:
        """Whether the file has the blob; otherwise the layout has it.

        Raises:
            UserError: ContentDamaged, if neither has it.
        """
        member = self._members.get(_place(blob))
        if member is None and not self._layout.has(blob):
            raise UserError(reasons.CONTENT_DAMAGED, f"{self._path}: the file lacks the blob {blob.digest}")
        return member is not None

    def _chunks(self, name: str) -> Iterator[bytes]:
        return tar.chunks(self._file.fileno(), self._members[name])


def _place(blob: Blob) -> str:
    return f"blobs/{blob.digest.replace(':', '/')}"


def _arriving(source: _Source, receiver: Receiver, named: dict[str, Blob], ref: str) -> tuple[bytes, bytes | None]:
    """The manifest and the record of a name."""
    manifest = source.json(named[ref])
    receiver.check(manifest)
    about = named.get(f"{ref}{_RECORD}")
    record = sharing.record_of(source.json(about), named[ref].digest) if about else None
    return manifest, source.json(record) if record else None
