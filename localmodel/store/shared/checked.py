"""Checks the records that others have sent to a shared store, because names and digests in them become paths."""

from dataclasses import asdict
from typing import Any

from localmodel import digests
from localmodel.disk import state_file
from localmodel.store import code, environments, models
from localmodel.store.models import ModelVersion
from localmodel.store.shared.tags import Key
from localmodel_untrusted import json_text

_KINDS: dict[str, type[Any]] = {kind.folder: kind.version for kind in (models.KIND, environments.KIND, code.KIND)}


def record(key: Key, content: bytes) -> bytes:
    """The record of a version as this release writes it, or the aliases of a name.

    Raises:
        ValueError: it is something else.
    """
    try:
        fields = json_text.parse(content)
        kind: type[Any] = _KINDS[key.kind] if key.number else dict[str, int]
        version = state_file.known(fields, kind) if key.number else state_file.typed(fields, kind)
    except Exception as error:  # as with the files of this machine
        raise ValueError(state_file.why(error)) from None
    if not key.number:
        return digests.canonical_json(version)
    if (version.name, version.version) != (key.name, key.number):
        raise ValueError(f"it is of {version.name}:{version.version}")
    blobs = [version.digest, *([version.weights.digest] if isinstance(version, ModelVersion) else [])]
    if not all(map(digests.is_digest, blobs)):
        raise ValueError("it has no valid digest")
    return digests.canonical_json(asdict(version))
