"""The tar that a pod gets for a warm swap: code, settings, the gate, and the models that it lacks."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from localmodel import digests
from localmodel.oci import layers
from localmodel.store import ModelVersion


class BundleArchive:
    """The tar, which can be read repeatedly; equal parts give equal bytes. `models` is digest -> stored archive."""

    called = "a bundle"

    def __init__(
        self,
        description: Mapping[str, Any],
        code: Mapping[str, bytes],
        models: Mapping[str, Path],
        gate: Sequence[Mapping[str, Any]],
    ) -> None:
        self._files = {f"code/{path}": content for path, content in code.items()}
        self._files["bundle.json"] = digests.canonical_json(dict(description))
        if gate:
            self._files["gate.json"] = digests.canonical_json(list(gate))
        self._models = models

    def chunks(self) -> Iterator[bytes]:
        """The tar's bytes, in pieces."""
        with layers.opened(self._models.values()) as archives:
            models = [
                entry
                for digest, archive in zip(self._models, archives, strict=True)
                for entry in layers.entries_in(archive, f"models/{digest.removeprefix('sha256:')}")
            ]
            yield from layers.tar([*models, *(layers.Entry(path, content) for path, content in self._files.items())])

    @property
    def has_models(self) -> bool:
        return bool(self._models)

    @property
    def digest(self) -> str:
        """SHA-256 of the tar, in 64 digits."""
        return self._measured[0]

    @property
    def size(self) -> int:
        """The size of the tar in bytes."""
        return self._measured[1]

    @cached_property
    def _measured(self) -> tuple[str, int]:
        content, size = hashlib.sha256(), 0
        for chunk in self.chunks():
            content.update(chunk)
            size += len(chunk)
        return content.hexdigest(), size


def describe(
    number: int,
    content: str,
    environment: str,
    entry: str,
    models: Sequence[ModelVersion],
    variables: Mapping[str, str | None],
) -> dict[str, Any]:
    """The content of bundle.json. A variable that is None is removed from the pod's."""
    return {
        "revision": str(number),
        "content": content,
        "environment": environment,
        "entry": entry,
        "models": [{"name": model.name, "version": str(model.version), "digest": model.digest} for model in models],
        "variables": dict(variables),
    }
