"""An archive without what the node has, and what becomes of both there."""

import io
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from localmodel.oci import layers
from localmodel.oci.layout import Layout
from localmodel.updates.held import NOTHING, Gap, Held, archive_without
from localmodel.updates.image import Image

LARGE, LARGER, SMALL = os.urandom(70_000), os.urandom(200_001), os.urandom(1000)
MODEL = "var/azureml-app/azureml-models/digits/3"
HELD = Held("/pods/uid/state", {f"{MODEL}/": "models/ab/"})
NAME = "localmodel.dev/x@sha256:m"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


def image(layout: Layout, *contents: Mapping[str, bytes]) -> Image:
    """An image with a layer of each of these files."""
    stack = [layout.write(layers.tar(layers.Entry(*file) for file in files.items())) for files in contents]
    return Image(layout.add(b"manifest"), layout.add(b"config"), tuple(stack))


def filled(sent: bytes, gaps: list[Gap], files: Mapping[str, bytes]) -> bytes:
    """What a node makes of it."""
    stream, made = io.BytesIO(sent), b""
    for gap in gaps:
        made += stream.read(gap.sent) + files[gap.path][: gap.size]
    return made + stream.read()


def blobs(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as made:
        return {
            member.name: made.extractfile(member).read()  # type: ignore[union-attr]
            for member in made
            if member.name.startswith("blobs/") and member.isfile()
        }


def test_what_the_node_has_is_not_sent_and_the_archive_is_whole_there(layout: Layout) -> None:
    model = {f"{MODEL}/model/a.bin": LARGE, f"{MODEL}/model/b.bin": LARGER, f"{MODEL}/model/c.txt": SMALL}
    made = image(layout, {"lib/x": LARGE}, model, {"var/azureml-app/score.py": b"code"})
    chunks, gaps = archive_without(layout, made, NAME, made.layers, HELD)
    sent = b"".join(chunks)
    assert [(gap.path, gap.size) for gap in gaps] == [
        ("models/ab/model/a.bin", len(LARGE)),
        ("models/ab/model/b.bin", len(LARGER)),
    ]
    assert LARGE in sent and LARGER not in sent, "that of another path is another file"
    whole = filled(sent, gaps, {"models/ab/model/a.bin": LARGE, "models/ab/model/b.bin": LARGER})
    everything = b"".join(archive_without(layout, made, NAME, made.layers, NOTHING)[0])
    assert blobs(whole) == blobs(everything)
    assert len(blobs(whole)) == 5
    assert len(sent) + len(LARGE) + len(LARGER) < len(everything) + 2048


def test_small_files_and_those_with_odd_names_are_sent(layout: Layout) -> None:
    made = image(layout, {f"{MODEL}/small": SMALL, f"{MODEL}/two\nlines": LARGE})
    chunks, gaps = archive_without(layout, made, NAME, made.layers, HELD)
    assert gaps == []
    assert b"".join(chunks) == b"".join(archive_without(layout, made, NAME, made.layers, NOTHING)[0])


def test_of_many_files_the_largest_are_left_out(layout: Layout) -> None:
    files = {f"{MODEL}/{number:03}": bytes(70_000 + number) for number in range(100)}
    made = image(layout, files)
    gaps = archive_without(layout, made, NAME, made.layers, HELD)[1]
    assert [gap.path for gap in gaps] == [f"models/ab/{number:03}" for number in range(36, 100)]


def test_a_layer_that_holds_more_than_files_is_sent(layout: Layout) -> None:
    blob = layout.add(b"no tar")
    made = Image(layout.add(b"manifest"), layout.add(b"config"), (blob,))
    chunks, gaps = archive_without(layout, made, NAME, [blob], HELD)
    assert gaps == []
    assert blobs(b"".join(chunks))[f"blobs/{blob.digest.replace(':', '/')}"] == b"no tar"
