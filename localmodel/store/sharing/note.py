"""Small contents that have a tag of their own in a registry."""

import base64
import binascii
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from localmodel import digests
from localmodel.oci.layout import Blob
from localmodel.oci.media_types import MANIFEST
from localmodel.store import artifacts
from localmodel.store.sharing import received

_EMPTY, _EMPTY_TYPE = b"{}", "application/vnd.oci.empty.v1+json"
_MOST_DATA = 64 << 10


@dataclass(frozen=True)
class Note:
    """A small content as an artifact: its manifest, and the blobs that belong to it."""

    manifest: bytes
    blobs: tuple[bytes, ...]


def note(kind: str, content: bytes, subject: Mapping[str, Any] | None = None) -> Note:
    """An artifact of this type. The manifest repeats a small content, so that one request reads it."""
    data = {"data": base64.b64encode(content).decode()} if len(content) <= _MOST_DATA else {}
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": kind,
        "config": blob_of(_EMPTY).descriptor(_EMPTY_TYPE),
        "layers": [{**blob_of(content).descriptor(kind), **data}],
        **({"subject": subject} if subject else {}),
    }
    return Note(digests.canonical_json(manifest), (_EMPTY, content))


def opened(manifest: bytes, kind: str) -> tuple[Blob, bytes | None]:
    """The blob with the content of a note, and the content if the manifest repeats it.

    Raises:
        ValueError, LookupError, TypeError: it is not a note of this type.
    """
    content = received.value(manifest)
    if content["artifactType"] != kind:
        raise ValueError(f"it is not of the type {kind}")
    (layer,) = content["layers"]
    blob = artifacts.blob(layer)
    if blob.size > received.MOST_JSON:
        raise ValueError(f"it has more than {received.MOST_JSON} bytes")
    with suppress(binascii.Error, TypeError):
        if blob_of(data := base64.b64decode(layer.get("data", ""))) == blob:
            return blob, data
    return blob, None


def blob_of(content: bytes) -> Blob:
    """The blob that has this content."""
    return Blob(digests.of_bytes(content), len(content))
