"""What a build hands out may be anything: only a wheel of the package that was asked for is kept."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest
from support.package_index import make_wheel

from localmodel.environments.layers.packages import Kind
from localmodel.errors import UserError
from localmodel_operator.wheels import archive

KIND = Kind("3.11", "amd64")


def refusal(path: Path, name: str, requirement: str = "oldie==1.0") -> str:
    """Why the file is refused, or ""."""
    try:
        archive.check(path, name, requirement, KIND)
    except UserError as error:
        assert error.reason == "EnvironmentBuildFailed"
        return str(error).rpartition(" is refused: ")[2]
    return ""


@pytest.mark.parametrize("tag", ["py3-none-any", "cp311-cp311-linux_x86_64", "cp311-abi3-manylinux_2_17_x86_64"])
def test_a_wheel_of_the_package_is_kept(tmp_path: Path, tag: str) -> None:
    make_wheel(tmp_path, "oldie", "1.0", tag=tag)
    (wheel,) = tmp_path.glob("*.whl")
    assert refusal(wheel, wheel.name) == "" and refusal(wheel, wheel.name, "oldie<2") == ""


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "it does not have the name of a wheel"),
        ("oldie-1.0.tar.gz", "it does not have the name of a wheel"),
        ("../oldie-1.0-py3-none-any.whl", "it does not have the name of a wheel"),
        (f"oldie-1.0-py3-none-any.{'a' * 200}.whl", "its name has more than 200 characters, or others than ASCII"),
        ("oldie-1.0-py3-none-any.\u00f1.whl", "its name has more than 200 characters, or others than ASCII"),
        ("numpy-1.0-py3-none-any.whl", "it is a wheel of another package"),
        ("oldie-1.1-py3-none-any.whl", "it is a wheel of version 1.1"),
        ("oldie-1.0-cp312-cp312-linux_x86_64.whl", "it is not for Python 3.11 on linux/amd64"),
        ("oldie-1.0-cp311-cp311-linux_aarch64.whl", "it is not for Python 3.11 on linux/amd64"),
    ],
)
def test_another_name_is_refused(tmp_path: Path, name: str, why: str) -> None:
    make_wheel(tmp_path, "oldie", "1.0")
    (wheel,) = tmp_path.glob("*.whl")
    assert refusal(wheel, name) == why


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"../../etc/passwd": ""}, "it has a file '../../etc/passwd'"),
        ({"/etc/passwd": ""}, "it has a file '/etc/passwd'"),
        ({"oldie-1.0.dist-info/METADATA": "Name: numpy\nVersion: 1.0\n"}, "its METADATA is of another package"),
        ({"oldie-1.0.dist-info/METADATA": "Name: oldie\nVersion: 2.0\n"}, "its METADATA is of another package"),
        ({"other-1.0.dist-info/METADATA": ""}, "it does not have one METADATA"),
    ],
)
def test_another_content_is_refused(tmp_path: Path, files: dict[str, str], why: str) -> None:
    make_wheel(tmp_path, "oldie", "1.0", files)
    (wheel,) = tmp_path.glob("*.whl")
    assert refusal(wheel, wheel.name).startswith(why)


def test_a_file_that_is_not_an_archive_or_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "oldie-1.0-py3-none-any.whl"
    (tmp_path / "text").write_text("<html>")
    assert refusal(tmp_path / "text", name).startswith("it cannot be read: ")
    monkeypatch.setattr(archive, "_MOST_FILES", 10)
    with zipfile.ZipFile(tmp_path / "many", "w") as many:
        for number in range(11):
            many.writestr(str(number), "")
    assert refusal(tmp_path / "many", name).startswith("it has more than 10 files")


def listing(names: int, size: int, *, is_large: bool) -> bytes:
    """The end of an archive: a list of empty names, and the record that says how many bytes the list has."""
    entries = struct.pack("<4s4B4HL2L5H2L", b"PK\x01\x02", *[0] * 18) * names
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0, 0, size if not is_large else 0xFFFFFFFF, 0, 0)
    if not is_large:
        return entries + end
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, names, names, size, 0)
    return entries + record + struct.pack("<4sLQL", b"PK\x06\x07", 0, len(entries), 1) + end


@pytest.mark.parametrize("is_large", [False, True], ids=["zip", "zip64"])
@pytest.mark.parametrize(("names", "size"), [(11, 11 * 46), (1, 17 << 20)], ids=["too many", "too long"])
def test_a_list_of_files_that_would_fill_the_memory_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: int, size: int, is_large: bool
) -> None:
    entries = list[zipfile.ZipInfo]()
    monkeypatch.setattr(archive, "_MOST_FILES", 10)
    monkeypatch.setattr(zipfile.ZipInfo, "_decodeExtra", lambda info, *_: entries.append(info))
    content = bytes(size) + listing(names, size, is_large=is_large)
    (tmp_path / "wheel").write_bytes(content)
    assert refusal(tmp_path / "wheel", "oldie-1.0-py3-none-any.whl").startswith("it has more than 10 files")
    assert entries == []


@pytest.mark.parametrize("way", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_description_that_unpacks_without_a_bound_is_not_unpacked(tmp_path: Path, way: int) -> None:
    with zipfile.ZipFile(tmp_path / "wheel", "w", way) as wheel:
        wheel.writestr("oldie-1.0.dist-info/METADATA", "Name: oldie\nVersion: 1.0\n")
    assert refusal(tmp_path / "wheel", "oldie-1.0-py3-none-any.whl").startswith("its METADATA is compressed in another")


@pytest.mark.parametrize(
    "metadata",
    [b"Name: \xf1\nVersion: 1.0\n", b"Name: oldie\nVersion: " + b"x" * 100_000],
    ids=["no name", "no version, at length"],
)
def test_a_description_that_cannot_be_read_is_refused_in_few_words(tmp_path: Path, metadata: bytes) -> None:
    with zipfile.ZipFile(tmp_path / "wheel", "w") as wheel:
        wheel.writestr("oldie-1.0.dist-info/METADATA", metadata)
    words = refusal(tmp_path / "wheel", "oldie-1.0-py3-none-any.whl")
    assert words.startswith("it cannot be read: ") and len(words) < 250 and "\n" not in words


def test_an_archive_that_cannot_be_unpacked_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "wheel", "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("oldie-1.0.dist-info/METADATA", "Name: oldie\n" * 100)
        start = len(wheel.filelist[0].FileHeader())
    content = bytearray((tmp_path / "wheel").read_bytes())
    content[start : start + 4] = b"\xff" * 4
    (tmp_path / "wheel").write_bytes(content)
    assert refusal(tmp_path / "wheel", "oldie-1.0-py3-none-any.whl").startswith("it cannot be read: ")
