import io
import json
import tarfile
from pathlib import Path

import pytest

from localmodel.oci.layout import Blob, Layout
from localmodel.updates.archive import archive, missing
from localmodel.updates.image import Image, chain_ids

LAYERS = tuple(Blob(f"sha256:{number}", 10) for number in range(4))
IMAGE = Image(Blob("sha256:m", 1), Blob("sha256:c", 1), LAYERS)
CHAINS = chain_ids(layer.digest for layer in LAYERS)


@pytest.mark.parametrize("there", range(5))
def test_a_node_lacks_what_lies_above_what_it_has(there: int) -> None:
    assert missing(IMAGE, {*CHAINS[:there], "sha256:foreign"}) == list(LAYERS[there:])


def test_a_layer_counts_only_on_top_of_the_same_layers() -> None:
    # the node has layer 1, but in another image, on another base
    assert missing(IMAGE, {LAYERS[1].digest, *chain_ids(["sha256:other", LAYERS[1].digest])}) == list(LAYERS)


def unpacked(layout: Layout, image: Image, sent: list[Blob]) -> dict[str, bytes]:
    stream = io.BytesIO(b"".join(archive(layout, image, "localmodel.dev/x@sha256:m", sent)))
    with tarfile.open(fileobj=stream) as made:
        return {member.name: made.extractfile(member).read() for member in made if member.isfile()}  # type: ignore[union-attr]


def test_an_archive_holds_only_the_layers_that_are_sent(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    manifest, config, lower, upper = (layout.add(content) for content in (b"m", b"c", b"lower", b"upper"))
    image = Image(manifest, config, (lower, upper))
    found = unpacked(layout, image, [upper])
    blobs = {name: content for name, content in found.items() if name.startswith("blobs/")}
    assert blobs == {
        f"blobs/{blob.digest.replace(':', '/')}": layout.read(blob.digest) for blob in (manifest, config, upper)
    }
    assert json.loads(found["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}


def test_an_archive_names_the_image_as_pods_do(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    manifest = layout.add(b"m")
    found = unpacked(layout, Image(manifest, layout.add(b"c"), ()), [])
    (entry,) = json.loads(found["index.json"])["manifests"]
    assert (entry["digest"], entry["size"]) == (manifest.digest, 1)
    assert entry["annotations"] == {"io.containerd.image.name": "localmodel.dev/x@sha256:m"}
