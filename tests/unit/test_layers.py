"""Equal files give equal layers."""

import io
import tarfile

from localmodel.layers import Entry, tar


def members(chunks: list[bytes]) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        return {member.name: member for member in archive}


def test_order_does_not_matter() -> None:
    one, two = Entry("a/x.py", b"1"), Entry("b.py", b"22")
    assert b"".join(tar([one, two])) == b"".join(tar([two, one]))


def test_nothing_of_the_machine_is_in_it() -> None:
    for member in members(list(tar([Entry("a/b/x.py", b"1")]))).values():
        assert (member.mtime, member.uid, member.gid, member.uname) == (0, 0, 0, "")


def test_every_folder_is_there_once_before_its_files() -> None:
    found = members(list(tar([Entry("a/b/x", b"1"), Entry("a/b/y", b"2"), Entry("a/z", b"3")])))
    assert list(found) == ["a", "a/b", "a/b/x", "a/b/y", "a/z"]
    assert found["a"].isdir() and found["a"].mode == 0o755
    assert found["a/z"].mode == 0o644


def test_long_names_and_odd_sizes_survive() -> None:
    name = "folder/" + "n" * 180 + "/" + "é" * 60
    content = b"x" * 513
    with tarfile.open(fileobj=io.BytesIO(b"".join(tar([Entry(name, content)])))) as archive:
        file = archive.extractfile(name)
        assert file is not None and file.read() == content
