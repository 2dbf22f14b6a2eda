"""An image as an archive with only some of its layers, for a node's containerd or for an engine.

containerd reads a layer only if its snapshot is missing, and Docker only if it has no layer of the same chain id, so
layers that they have need only be named (measured on containerd 1.7 to 2.3).
"""

from collections.abc import Collection, Iterator, Sequence

from localmodel import digests
from localmodel.oci import layers
from localmodel.oci.layout import Blob, Layout
from localmodel.oci.media_types import MANIFEST
from localmodel.updates.image import Image, chain_ids


def missing(image: Image, known_chain_ids: Collection[str]) -> list[Blob]:
    """The layers to send to a node that has these chain ids."""
    chains = chain_ids(layer.digest for layer in image.layers)
    return [layer for layer, chain in zip(image.layers, chains, strict=True) if chain not in known_chain_ids]


def archive(layout: Layout, image: Image, reference: str, sent: Sequence[Blob]) -> Iterator[bytes]:
    """A tar of the image under the name `reference`, with the layers `sent`.

    It has the indexes of an OCI layout and of `docker save`, because older engines read only the second.
    """
    index = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{**image.manifest.descriptor(MANIFEST), "annotations": {"io.containerd.image.name": reference}}],
    }
    saved = {
        "Config": place(image.config.digest),
        "RepoTags": [reference],
        "Layers": [place(layer.digest) for layer in image.layers],
    }
    blobs = {blob.digest: layout.path(blob.digest) for blob in (image.manifest, image.config, *sent)}
    yield from layers.tar(
        [
            layers.Entry("oci-layout", digests.canonical_json({"imageLayoutVersion": "1.0.0"})),
            layers.Entry("index.json", digests.canonical_json(index)),
            layers.Entry("manifest.json", digests.canonical_json([saved])),
            *(layers.Entry(place(digest), path) for digest, path in blobs.items()),
        ]
    )


def place(digest: str) -> str:
    """Where an archive has the blob with this digest."""
    return f"blobs/{digest.replace(':', '/')}"
