"""The order of an environment's layers, the files that several have, and which layers stay."""

import os
import tarfile
import time
from pathlib import Path

import pytest

from localmodel.environments.layers import records, stack
from localmodel.oci import layers
from localmodel.oci.layers import Entry
from localmodel.oci.layout import Blob, Layout

BIG, MIDDLE, SMALL, TINY = (Blob(f"sha256:{name}", size) for name, size in (("b", 900), ("m", 90), ("s", 9), ("t", 1)))


def digests(*blobs: Blob) -> list[str]:
    return [blob.digest for blob in blobs]


def test_the_first_environment_has_large_layers_below() -> None:
    assert stack.ordered([SMALL, BIG, MIDDLE], []) == [BIG, MIDDLE, SMALL]


def test_what_is_added_comes_on_top_of_what_is_there() -> None:
    assert stack.ordered([BIG, SMALL, MIDDLE], [digests(SMALL), digests(SMALL, MIDDLE)]) == [SMALL, MIDDLE, BIG]


def test_the_longest_start_of_a_stack_is_kept_and_no_more() -> None:
    before = [digests(BIG, TINY, SMALL), digests(SMALL, MIDDLE, BIG)]
    assert stack.ordered([BIG, MIDDLE, SMALL], before) == [SMALL, MIDDLE, BIG], "TINY is not wanted"
    assert stack.ordered([BIG, MIDDLE], before) == [BIG, MIDDLE]


def test_the_bytes_that_stay_count_not_the_number_of_layers() -> None:
    assert stack.ordered([BIG, SMALL, TINY], [digests(TINY, SMALL), digests(BIG)]) == [BIG, SMALL, TINY]


def package(layout: Layout, **files: str) -> Blob:
    return layout.write(layers.tar(Entry(f"opt/env/{name}", text.encode()) for name, text in files.items()))


def content(layout: Layout, blob: Blob) -> dict[str, bytes]:
    return layers.contents(layout.path(blob.digest))


def test_of_a_file_that_several_have_the_last_package_counts_and_it_is_said(tmp_path: Path) -> None:
    layout, said = Layout(tmp_path), list[str]()
    packages = {
        "one": package(layout, a="one", b="one", c="one"),
        "two": package(layout, a="two", d="two"),
        "three": package(layout, a="three", b="three"),
    }
    top = stack.shared(layout, packages, said.append)
    assert content(layout, top) == {"opt/env/a": b"three", "opt/env/b": b"three"}
    assert said == [
        "one, two, three: each has a file (/opt/env/a); what three has is used",
        "one, three: each has a file (/opt/env/b); what three has is used",
    ]


def test_packages_without_common_files_need_no_layer_on_top(tmp_path: Path) -> None:
    layout, said = Layout(tmp_path), list[str]()
    packages = {"one": package(layout, a="one"), "two": package(layout, b="two")}
    assert content(layout, stack.shared(layout, packages, said.append)) == {}
    assert said == []


def test_a_layer_is_kept_for_a_week_after_its_last_use(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    old, new = layout.add(b"old"), layout.add(b"new")
    layout.add(b"of nobody")
    for blob in (old, new):
        records.keep(layout, blob, "content", blob.digest)
    for path in (tmp_path / "layers").iterdir():
        os.utime(path, (0, time.time() - 8 * 86400))
    assert records.find(layout, "content", new.digest) == new  # which uses it
    records.prune(layout)
    assert layout.blobs() == [new.digest]
    assert records.find(layout, "content", old.digest) is None


@pytest.mark.parametrize("note", ["environments/key.json", "uses/cluster.json"])
def test_what_an_operator_sweeps_is_left_to_it(tmp_path: Path, note: str) -> None:
    layout = Layout(tmp_path)
    blob = layout.add(b"of an operator's image")
    (tmp_path / note).parent.mkdir()
    (tmp_path / note).touch()
    records.prune(layout)
    assert layout.has(blob)


def test_a_layer_that_is_lost_is_not_found(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    blob = layout.add(b"lost")
    records.keep(layout, blob, "content")
    layout.remove(blob.digest)
    assert records.find(layout, "content") is None
    assert records.recent(layout) == set() and not any((tmp_path / "layers").iterdir())


def test_a_link_in_a_layer(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    blob = layout.write(layers.tar([Entry("bin/python3", layers.Link("python"))]))
    with tarfile.open(layout.path(blob.digest)) as archive:
        folder, link = archive.getmembers()
    assert (folder.name, link.name, link.issym(), link.linkname) == ("bin", "bin/python3", True, "python")
