"""The store's OCI manifests: models as in CNCF's ModelPack, environments and code with media types of our own.

A manifest holds only content and name. What may change later (tags, aliases) is in the records, so that a digest names
the same thing in every store and registry.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from localmodel import digests
from localmodel.oci.layout import Blob, Layout
from localmodel.oci.media_types import MANIFEST

MODEL = "application/vnd.cncf.model.manifest.v1+json"
MODEL_CONFIG = "application/vnd.cncf.model.config.v1+json"
WEIGHTS = "application/vnd.cncf.model.weight.v1.tar"
ENVIRONMENT = "application/vnd.localmodel.environment.v1+json"
CODE = "application/vnd.localmodel.code.v1+json"
CODE_FILES = "application/vnd.localmodel.code.v1.tar"


def model(layout: Layout, name: str, weights: Blob) -> Blob:
    """The manifest of a model, whose files are the uncompressed tar `weights`."""
    config = {
        "descriptor": {"name": name},
        "config": {},
        "modelfs": {"type": "layers", "diffIds": [weights.digest]},  # uncompressed: the blob's digest is the diff id
    }
    return _manifest(layout, MODEL, MODEL_CONFIG, config, [weights.descriptor(WEIGHTS)])


def environment(layout: Layout, content: Mapping[str, Any]) -> Blob:
    """The manifest of an environment, which is a JSON value."""
    body = layout.add(digests.canonical_json(content))
    return _manifest(layout, ENVIRONMENT, ENVIRONMENT, content, [body.descriptor(ENVIRONMENT)])


def code(layout: Layout, entry: str, files: Blob) -> Blob:
    """The manifest of a source folder: the tar `files`, and the entry script's path in it."""
    return _manifest(layout, CODE, CODE, {"entry": entry}, [files.descriptor(CODE_FILES)])


def _manifest(
    layout: Layout, kind: str, config_type: str, config: Mapping[str, Any], layers: Sequence[Mapping[str, Any]]
) -> Blob:
    body = layout.add(digests.canonical_json(config))
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": kind,
        "config": body.descriptor(config_type),
        "layers": list(layers),
    }
    return layout.add(digests.canonical_json(manifest))


def blobs(manifest: Mapping[str, Any]) -> list[Blob]:
    """The config and the layers that a manifest names.

    Raises:
        KeyError, TypeError, ValueError: it is not a manifest.
    """
    return [blob(item) for item in (manifest["config"], *manifest["layers"])]


def blob(descriptor: Mapping[str, Any]) -> Blob:
    """The blob of a descriptor. Its digest is checked, because it becomes a path.

    Raises:
        KeyError, TypeError, ValueError: it is not a descriptor.
    """
    digest, size = descriptor["digest"], descriptor["size"]
    if not digests.is_digest(digest) or type(size) is not int or not 0 <= size < 1 << 62:
        raise ValueError("a descriptor has neither a digest nor a size")
    return Blob(digest, size)
