"""An OCI image layout on disk: blobs named by their digest (image-spec, image-layout.md)."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from localmodel import digests, reasons
from localmodel.disk import files, state_file
from localmodel.errors import UserError

_CHUNK = 1 << 20  # larger chunks do not fit into the processor's cache

Meter = Callable[[int, int], None]  # gets the bytes done and the bytes in all


@dataclass(frozen=True)
class Blob:
    """A file of the store.

    Attributes:
        digest: `sha256:…`.
        size: in bytes.
    """

    digest: str
    size: int

    def descriptor(self, media_type: str) -> dict[str, Any]:
        """The blob as a descriptor of an OCI manifest."""
        return {"mediaType": media_type, "digest": self.digest, "size": self.size}


def hashed(chunks: Iterable[bytes]) -> Blob:
    """The blob that the chunks would be."""
    content, size = hashlib.sha256(), 0
    for chunk in chunks:
        content.update(chunk)
        size += len(chunk)
    return Blob(f"sha256:{content.hexdigest()}", size)


class Layout:
    """Blobs below a folder. Adding is atomic and idempotent; concurrent processes may share the folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, digest: str) -> Path:
        """The path where the blob with this digest is or would be."""
        algorithm, _, hexadecimal = digest.partition(":")
        return self.root / "blobs" / algorithm / hexadecimal

    def has(self, blob: Blob) -> bool:
        path = self.path(blob.digest)
        return path.is_file() and path.stat().st_size == blob.size

    def read(self, digest: str) -> bytes:
        """The content of a small blob.

        Raises:
            FileNotFoundError: there is no such blob.
            UserError: StateDamaged.
        """
        content = state_file.load(self.path(digest), lambda content: content, "lmd store verify says what to do")
        if content is None:
            raise FileNotFoundError(self.path(digest))
        return content

    def add(self, content: bytes) -> Blob:
        return self.write([content])

    def blobs(self) -> list[str]:
        """The digests of all blobs, sorted."""
        return sorted(f"sha256:{path.name}" for path in (self.root / "blobs" / "sha256").glob("*"))

    def write(
        self,
        chunks: Iterable[bytes],
        tell: Callable[[int], None] | None = None,
        expected: Blob | None = None,
        needed: int | None = None,
    ) -> Blob:
        """Write the chunks as one blob, in bounded memory. `tell` gets the number of bytes so far.

        `needed` is about the number of bytes in all, if the caller knows it and there is no `expected` blob.

        Raises:
            UserError: StoreFull; ContentDamaged, if it is not the expected blob. Then nothing is kept.
        """
        content, size = hashlib.sha256(), 0
        incoming = self.root / "incoming"
        with files.room(self.root, expected.size if expected else needed), contextlib.ExitStack() as stack:
            incoming.mkdir(parents=True, exist_ok=True)
            marker = self.root / "oci-layout"
            if not marker.exists():
                files.write(marker, digests.canonical_json({"imageLayoutVersion": "1.0.0"}))
            file = stack.enter_context(tempfile.NamedTemporaryFile(dir=incoming, delete=False))
            stack.callback(Path(file.name).unlink, missing_ok=True)
            for chunk in chunks:
                content.update(chunk)
                size += file.write(chunk)
                if expected and size > expected.size:
                    raise UserError(
                        reasons.CONTENT_DAMAGED, f"{expected.digest}: more arrives than {expected.size} bytes"
                    )
                if tell:
                    tell(size)
            file.flush()
            os.fsync(file.fileno())
            blob = Blob(f"sha256:{content.hexdigest()}", size)
            if expected and expected != blob:
                raise UserError(
                    reasons.CONTENT_DAMAGED, f"{expected.digest}: what arrived is {blob.digest}, {size} bytes"
                )
            path = self.path(blob.digest)
            path.parent.mkdir(parents=True, exist_ok=True)
            Path(file.name).replace(path)
        return blob

    def sound(self, digest: str, tell: Callable[[int], None] | None = None) -> bool:
        """Whether the blob's content has the digest. `tell` gets the size of every piece."""
        content = hashlib.sha256()
        with self.path(digest).open("rb", buffering=0) as file:
            while chunk := file.read(_CHUNK):
                content.update(chunk)
                if tell:
                    tell(len(chunk))
        return digest == f"sha256:{content.hexdigest()}"

    def remove(self, digest: str) -> None:
        self.path(digest).unlink(missing_ok=True)

    def record(self, path: Path, blob: Blob) -> None:
        """Record in a file that its name stands for this blob."""
        files.write(path, digests.canonical_json(asdict(blob)))

    def recorded(self, path: Path) -> Blob | None:
        """The blob in a record, or None if the record cannot be read or the blob is missing."""
        with contextlib.suppress(UserError):
            blob = state_file.read(path, Blob, "it is written again")
            return blob if blob and self.has(blob) else None
        return None
