"""What a build hands out may be anything: only a wheel of the package that was asked for is kept."""

from __future__ import annotations

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
