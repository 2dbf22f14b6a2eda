"""The Python of a base image, as its files tell, and the environments that are linked to it."""

import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from localmodel.environments.layers import base_python
from localmodel.environments.layers.base_python import BasePython
from localmodel.oci.layout import Layout


def image(**links: str) -> Callable[[str], str | None]:
    """The files of an image, path -> what it leads to, with `_` for a slash."""
    return {name.replace("_", "/"): target for name, target in links.items()}.get


SLIM = image(_usr_local_bin_python3="/usr/local/bin/python3.11", _usr_bin_python3="/usr/bin/python3.13")


def test_the_first_python_on_the_path_counts() -> None:
    assert base_python.find(("LANG=C", "PATH=/usr/local/bin:/usr/bin"), SLIM) == BasePython(
        "/usr/local/bin/python3.11", "3.11"
    )
    assert base_python.find(("PATH=/usr/bin:/usr/local/bin",), SLIM) == BasePython("/usr/bin/python3.13", "3.13")
    assert base_python.find(("PATH=bin:/nosuch:/usr/bin",), SLIM) == BasePython("/usr/bin/python3.13", "3.13")
    assert base_python.find((), SLIM) == BasePython("/usr/local/bin/python3.11", "3.11")


def test_a_virtual_environment_in_the_image_is_seen_through() -> None:
    files = {"/venv/bin/python3": "/opt/conda/bin/python3.10", "/venv/pyvenv.cfg": "/venv/pyvenv.cfg"}
    assert base_python.find(("PATH=/venv/bin:/bin",), files.get) == BasePython(
        "/opt/conda/bin/python3.10", "3.10", "/venv/lib/python3.10/site-packages"
    )


@pytest.mark.parametrize(
    "files", [image(), image(_usr_bin_python3="/usr/bin/python3"), image(_bin_python3="/shims/python3.11-wrapper")]
)
def test_a_python_without_a_version_in_its_name_is_not_known(files: Callable[[str], str | None]) -> None:
    assert base_python.find((), files) is None


def test_a_python_that_is_asked_says_what_its_files_do_not() -> None:
    output = subprocess.run([sys.executable, "-I", "-c", base_python.QUESTION], capture_output=True, check=True).stdout
    python = base_python.told(output)
    assert python and python.version == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert Path(python.path) == Path(sys.executable).resolve()
    assert bool(python.packages) == (sys.prefix != sys.base_prefix)


@pytest.mark.parametrize(
    "output", [b"", b"3.11", b"{", b'{"path": "python3", "version": "3.11"}', b'{"path": "/a\\nb", "version": "3.11"}']
)
def test_what_is_no_answer(output: bytes) -> None:
    assert base_python.told(output) is None


def linked(folder: Path, python: BasePython, *, sees_packages: bool) -> dict[str, str]:
    """What is in the layer: path -> what a link leads to, or the text."""
    layout = Layout(folder)
    found = {}
    blob = base_python.links(python, layout, sees_packages=sees_packages)
    with tarfile.open(layout.path(blob.digest)) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if not member.isdir():
                found[member.name] = content.read().decode() if content else member.linkname
    return found


def test_an_environment_is_linked_to_the_python(tmp_path: Path) -> None:
    files = linked(tmp_path, BasePython("/usr/local/bin/python3.11", "3.11", "/venv/lib"), sees_packages=False)
    for place in ("opt/env", "opt/localmodel/venv"):
        assert files[f"{place}/bin/python"] == "/usr/local/bin/python3.11"
        assert files[f"{place}/bin/python3"] == files[f"{place}/bin/python3.11"] == "python"
        assert files[f"{place}/pyvenv.cfg"].startswith("home = /usr/local/bin\n")
        assert "include-system-site-packages = false\n" in files[f"{place}/pyvenv.cfg"]
    assert not [name for name in files if name.endswith(".pth")]


def test_packages_of_ones_own_image_are_seen_by_the_environment_only(tmp_path: Path) -> None:
    python = BasePython("/usr/bin/python3.11", "3.11", "/venv/lib/python3.11/site-packages")
    files = linked(tmp_path, python, sees_packages=True)
    assert "include-system-site-packages = true\n" in files["opt/env/pyvenv.cfg"]
    assert "include-system-site-packages = false\n" in files["opt/localmodel/venv/pyvenv.cfg"]
    path = "opt/env/lib/python3.11/site-packages/base_image.pth"
    assert files[path] == "import site; site.addsitedir('/venv/lib/python3.11/site-packages')\n"
