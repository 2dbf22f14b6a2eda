import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from localmodel import digests
from localmodel.oci.layout import Blob, Layout


def test_a_blob_is_named_by_its_content(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    blob = layout.write([b"mod", b"el"])
    assert blob == Blob(digests.of_bytes(b"model"), 5)
    assert layout.read(blob.digest) == b"model"
    assert layout.path(blob.digest) == tmp_path / "blobs" / "sha256" / blob.digest.removeprefix("sha256:")


def test_other_tools_recognise_the_folder(tmp_path: Path) -> None:
    Layout(tmp_path).add(b"x")
    assert json.loads((tmp_path / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}


def test_equal_content_is_kept_once(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    assert layout.add(b"x") == layout.write(iter([b"", b"x"]))
    assert len(list((tmp_path / "blobs" / "sha256").iterdir())) == 1


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half of "
        raise OSError("the engine went away")

    layout = Layout(tmp_path)
    with pytest.raises(OSError, match="went away"):
        layout.write(broken())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "oci-layout"]


def test_a_blob_of_another_size_is_not_there(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    blob = layout.add(b"model")
    assert layout.has(blob)
    layout.path(blob.digest).write_bytes(b"mod")
    assert not layout.has(blob)
    layout.remove(blob.digest)
    assert not layout.has(blob)
    layout.remove(blob.digest)


def test_what_something_became_is_remembered_while_it_is_there(tmp_path: Path) -> None:
    layout, record = Layout(tmp_path), tmp_path / "models" / "m.json"
    assert layout.recorded(record) is None
    blob = layout.add(b"model")
    layout.record(record, blob)
    assert layout.recorded(record) == blob
    layout.remove(blob.digest)
    assert layout.recorded(record) is None
