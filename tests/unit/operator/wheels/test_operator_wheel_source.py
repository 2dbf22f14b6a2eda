"""Which source archive is built, and what its build needs: nothing of it is run, and anything may be in it."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from localmodel.errors import UserError
from localmodel_operator.wheels import source
from localmodel_operator.wheels.source import Offered

PAGE = """
<a href="../../files/oldie-1.0.tar.gz#sha256=ab12">oldie-1.0.tar.gz</a>
<a href="https://files.example/oldie-2.0.tar.gz" data-requires-python="&gt;=3.12">oldie-2.0.tar.gz</a>
<a href="/oldie-1.5.tar.gz" data-yanked="broken">oldie-1.5.tar.gz</a>
<a href="file:///etc/oldie-8.0.tar.gz">local</a> <a href="x:/etc/oldie-8.0.tar.gz">odd</a>
<a>nothing</a> <a href="/oldie-1.0-cp39-cp39-win32.whl#md5=ab">wheel</a> <a href="/oldie-9.zip">zip</a>
"""


def test_the_links_of_an_index_s_page() -> None:
    first, second, yanked, *_ = source.links("https://host/simple/oldie/", PAGE)
    assert first == Offered("oldie-1.0.tar.gz", "https://host/files/oldie-1.0.tar.gz", "ab12")
    assert (second.address, second.requires_python) == ("https://files.example/oldie-2.0.tar.gz", ">=3.12")
    assert yanked.is_yanked


@pytest.mark.parametrize("href", ["http://[", "//[x]/oldie-3.0.tar.gz", "https://host]/"])
def test_a_link_that_is_not_an_address_is_left_out(href: str) -> None:
    page = f'<a href="{href}">oldie-3.0.tar.gz</a>{PAGE}'
    assert [*source.links("https://host/simple/oldie/", page)] == [*source.links("https://host/simple/oldie/", PAGE)]


@pytest.mark.parametrize(
    ("requirement", "python", "file"),
    [
        ("oldie", "3.11", "oldie-1.0.tar.gz"),
        ("oldie", "3.12", "oldie-2.0.tar.gz"),
        ("Oldie==1.5", "3.11", "oldie-1.5.tar.gz"),
        ("oldie==2.0", "3.11", ""),
        ("oldie>=3", "3.12", ""),
        ("other", "3.12", ""),
    ],
)
def test_the_newest_archive_that_fits_is_chosen(requirement: str, python: str, file: str) -> None:
    best = source.choose(source.links("https://host/simple/oldie/", PAGE), Requirement(requirement), python)
    assert (best.file if best else "") == file


def test_the_first_place_that_has_the_package_counts(tmp_path: Path) -> None:
    """Nobody's package of the same name and a higher version takes the place of one's own."""
    for place, version in (("own", "1.0"), ("others", "9.0")):
        (tmp_path / place).mkdir()
        (tmp_path / place / f"oldie-{version}.tar.gz").touch()
    places = [str(tmp_path / "own"), str(tmp_path / "others")]
    assert source.find("oldie", "3.11", places).file == "oldie-1.0.tar.gz"
    with pytest.raises(UserError, match=r"oldie>=2 has neither a wheel for Python 3\.11 nor a source archive") as error:
        source.find("oldie>=2", "3.11", places)
    assert error.value.reason == "WheelMissing"


def archive(path: Path, files: dict[str, str]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return path


@pytest.mark.parametrize(
    ("files", "needs"),
    [
        ({"a-1/pyproject.toml": "[build-system]\nrequires = ['flit_core >=3.2']\n"}, ("flit_core >=3.2",)),
        (
            {"a-1/deep/pyproject.toml": "[build-system]\nrequires = ['x']\n", "a-1/setup.py": ""},
            ("setuptools", "wheel"),
        ),
        ({"a-1/pyproject.toml": "[tool.black]\n"}, ("setuptools", "wheel")),
        ({"a-1/pyproject.toml": "[build-system]\nrequires = []\n"}, ()),
    ],
)
def test_what_a_build_needs_is_read(tmp_path: Path, files: dict[str, str], needs: tuple[str, ...]) -> None:
    assert source.build_requirements(archive(tmp_path / "a-1.tar.gz", files)) == needs


def test_an_archive_that_is_none_or_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_MOST_UNPACKED", 1 << 20)
    large, text, cut = tmp_path / "large.tar.gz", tmp_path / "text.tar.gz", tmp_path / "cut.tar.gz"
    large.write_bytes(gzip.compress(b"0" * (2 << 20)))
    text.write_text("<html>")
    cut.write_bytes(gzip.compress(b"0" * 100_000)[:50])
    odd = archive(tmp_path / "odd.tar.gz", {"a/pyproject.toml": "build-system = 1\n"})
    listed = archive(tmp_path / "list.tar.gz", {"a/pyproject.toml": "[build-system]\nrequires = 'x'\n"})
    for path in (large, text, cut, odd, listed):
        with pytest.raises(UserError, match=f"the source archive {path.name} cannot be read: ") as error:
            source.build_requirements(path)
        assert error.value.reason == "EnvironmentBuildFailed"
