"""Equal files give equal layers."""

import io
import tarfile
from pathlib import Path

from localmodel import digests
from localmodel.disk.executable import Executable, is_executable
from localmodel.oci.layers import Entry, contents, entries_of, extract, moved, tar


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


def test_what_can_be_executed_still_can_and_nothing_else(tmp_path: Path) -> None:
    for name, mode in (("model/run", 0o700), ("model/weights", 0o640), ("model/others.sh", 0o611)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
        (tmp_path / name).chmod(mode)
    entries = [*entries_of(tmp_path / "model", ""), Entry("code/tool", Executable(b"x")), Entry("code/score.py", b"")]
    packed = tmp_path / "packed.tar"
    packed.write_bytes(b"".join(tar(entries)))
    moved_on = tmp_path / "moved.tar"
    moved_on.write_bytes(b"".join(moved(packed, "app")))
    for path, prefix in ((packed, ""), (moved_on, "app/")):
        modes = {name.removeprefix(prefix): each.mode for name, each in members([path.read_bytes()]).items()}
        assert {name for name, mode in modes.items() if mode == 0o755 and "/" in name} == {"model/run", "code/tool"}
        assert {name for name, mode in modes.items() if mode == 0o644} == {
            "model/weights",
            "model/others.sh",
            "code/score.py",
        }
    executables = [name for name, content in contents(packed).items() if isinstance(content, Executable)]
    assert sorted(executables) == ["code/tool", "model/run"]
    (tmp_path / "out").mkdir()
    extract(packed, tmp_path / "out")
    assert is_executable(tmp_path / "out/model/run") and not is_executable(tmp_path / "out/model/weights")


def test_what_has_no_executable_is_packed_as_it_always_was() -> None:
    """Else every version in every store would be another after an upgrade."""
    content = b"".join(tar([Entry("a/x.py", b"1"), Entry("b.py", b"22")]))
    assert digests.of_bytes(content) == "sha256:6fec37f59e075e5bb919418027f725303a4f41ecf67f6b6f4ce8e546932a8252"
