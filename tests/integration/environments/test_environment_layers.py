"""Layers of small wheels: everything that a wheel may hold, equal bytes for equal wheels, and nothing made twice."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import marshal
import sys
import tarfile
from pathlib import Path

import pytest
from support.package_index import make_sdist, make_wheel

from localmodel.environments.layers import bytecode, packages
from localmodel.environments.layers.packages import Kind
from localmodel.environments.locks.lock import Lock
from localmodel.errors import UserError
from localmodel.oci.layout import Blob, Layout

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
KIND = Kind(PYTHON, "amd64")
SITE = f"opt/env/lib/python{PYTHON}/site-packages"
WHOLE = {
    "one/__init__.py": "WORD = 'one'\n",
    "one/tests/test_one.py": "assert True\n",
    "one/template.py": "def {{ name }}:\n",
    "space/one.py": "",
    "second.py": "",
    "one.pth": "import one\n",
    "one-1.0.dist-info/entry_points.txt": "[console_scripts]\none-command = one:main\n",
    "one-1.0.data/scripts/one.sh": "#!/bin/sh\necho one\n",
    "one-1.0.data/scripts/one.py": "#!python\nprint('one')\n",
    "one-1.0.data/data/share/one.txt": "data\n",
    "one-1.0.data/headers/one.h": "int one;\n",
    "one-1.0.data/purelib/third.py": "",
}


class Box:
    """A wheel folder, from which alone packages come, and a layout."""

    def __init__(self, folder: Path) -> None:
        self.wheels, self.layout = folder / "wheels", Layout(folder / "layout")
        self.said: list[str] = []
        self.locks: dict[str, str] = {}
        self.wheels.mkdir()

    def wheel(self, name: str, files: dict[str, str] | None = None, tag: str = "py3-none-any") -> None:
        self.locks[name] = f"{name}==1.0 --hash={make_wheel(self.wheels, name, '1.0', files, tag)}\n"

    def layers(self, *names: str, kind: Kind = KIND, layout: Layout | None = None) -> dict[str, Blob]:
        lock = Lock("".join(self.locks[name] for name in names))
        return asyncio.run(packages.of_lock(lock, kind, layout or self.layout, self.said.append))

    def files(self, blob: Blob) -> dict[str, tuple[int, bytes]]:
        """The layer's files, path -> mode and content."""
        with tarfile.open(self.layout.path(blob.digest)) as archive:
            members = archive.getmembers()
            assert all((member.mtime, member.uid, member.gid, member.uname) == (0, 0, 0, "") for member in members)
            opened = ((member, archive.extractfile(member)) for member in members if member.isfile())
            return {member.name: (member.mode, content.read()) for member, content in opened if content}


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Box:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("LOCALMODEL_HOME", str(home))
    box = Box(tmp_path)
    (home / "packages.toml").write_text(f'no-index = true\nfind-links = ["{box.wheels}"]\n')
    return box


def compiled(path: str) -> str:
    return importlib.util.cache_from_source(path)


def test_everything_of_a_wheel_is_where_an_installer_puts_it(box: Box) -> None:
    box.wheel("one", WHOLE)
    files = box.files(box.layers("one")["one"])
    for name in ("one/__init__.py", "space/one.py", "second.py", "third.py", "one.pth"):
        assert f"{SITE}/{name}" in files
    mode, script = files["opt/env/bin/one-command"]
    assert mode == 0o755 and b"from one import main" in script
    assert files["opt/env/bin/one.sh"] == (0o755, b"#!/bin/sh\necho one\n")
    mode, script = files["opt/env/bin/one.py"]
    assert mode == 0o755 and b"#!python" not in script and str(box.wheels.parent).encode() not in script
    assert files["opt/env/share/one.txt"] == (0o644, b"data\n")
    assert [name for name in files if name.startswith("opt/env/include/") and name.endswith("/one.h")]
    record = files[f"{SITE}/one-1.0.dist-info/RECORD"][1].decode()
    assert "../../../bin/one-command," in record and "uv_cache.json" not in record
    own = {"opt/env/pyvenv.cfg", "opt/env/bin/python", "opt/env/bin/activate", "opt/env/lib64"}
    assert not own & files.keys(), "only the package's files"


def test_modules_are_compiled_for_their_place_in_the_image_and_never_compared_again(box: Box) -> None:
    box.wheel("one", WHOLE)
    files = box.files(box.layers("one")["one"])
    content = files[compiled(f"{SITE}/one/__init__.py")][1]
    assert content[4:8] == bytes([1, 0, 0, 0]), "unchecked"
    assert content[8:16] == importlib.util.source_hash(WHOLE["one/__init__.py"].encode())
    assert marshal.loads(content[16:]).co_filename == f"/{SITE}/one/__init__.py"
    assert {compiled(f"{SITE}/{name}") for name in ("space/one.py", "second.py", "third.py")} <= files.keys()
    left_out = {compiled(f"{SITE}/one/{name}") for name in ("template.py", "tests/test_one.py")}
    assert not left_out & files.keys()


def test_equal_wheels_make_equal_layers_whatever_is_made_beside_them(box: Box, tmp_path: Path) -> None:
    box.wheel("one", WHOLE)
    box.wheel("two")
    alone = box.layers("one", layout=Layout(tmp_path / "alone"))
    (box.wheels / "one-1.0-py3-none-any.whl").touch()  # which the installer notes
    assert box.layers("two", "one", layout=Layout(tmp_path / "beside"))["one"] == alone["one"]


def test_an_environment_that_shares_packages_makes_only_the_layers_that_it_lacks(box: Box) -> None:
    box.wheel("one")
    box.wheel("two")
    box.wheel("three")
    first = box.layers("one", "two")
    box.said.clear()
    for wheel in box.wheels.glob("[ot][nw]*.whl"):
        wheel.unlink()  # it need not even be there any more
    second = box.layers("one", "three", "two")
    assert list(second) == ["one", "three", "two"], "the lock's order"
    assert {**second, **first} == second
    assert [line for line in box.said if " layer of " in line] == ["three==1.0: a layer of 0.0 MB"]


def test_a_wheel_that_is_not_the_locked_one_is_refused(box: Box) -> None:
    box.wheel("one")
    make_wheel(box.wheels, "one", "1.0", {"one.py": "WORD = 'another'\n"})
    with pytest.raises(UserError, match=r"(?i)hash") as error:
        box.layers("one")
    assert error.value.reason == "RequirementsNotInstallable"
    assert box.layout.blobs() == []


def test_nothing_is_built_from_source(box: Box, tmp_path: Path) -> None:
    path = make_sdist(box.wheels, "evil", "1.0", tmp_path / "ran")
    box.locks["evil"] = f"evil==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"
    with pytest.raises(UserError) as error:
        box.layers("evil")
    assert error.value.reason == "WheelMissing" and "evil" in str(error.value)
    assert not (tmp_path / "ran").exists()


def test_wheels_are_those_of_the_images_platform(box: Box) -> None:
    box.wheel("fast", tag=f"cp{PYTHON.replace('.', '')}-abi3-manylinux_2_17_aarch64")
    assert "fast" in box.layers("fast", kind=Kind(PYTHON, "arm64"))
    with pytest.raises(UserError):
        box.layers("fast", kind=KIND)


def test_a_package_for_another_platform_has_no_layer(box: Box) -> None:
    box.wheel("one")
    box.wheel("two")
    box.locks["two"] = box.locks["two"].replace(" --hash", " ; sys_platform == 'win32' --hash")
    assert list(box.layers("one", "two")) == ["one"]


def test_without_an_interpreter_of_the_version_modules_are_left_as_they_are(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def missing(python: str, say: object) -> str:
        raise UserError("PythonMissing", f"no Python {python} on this machine")

    box.wheel("one")
    whole = box.layers("one", layout=Layout(box.wheels.parent / "other"))
    monkeypatch.setattr(bytecode.pythons, "interpreter", missing)
    blob = box.layers("one")["one"]
    assert f"{SITE}/one.py" in box.files(blob) and not [name for name in box.files(blob) if name.endswith(".pyc")]
    assert "modules are compiled at each start" in "\n".join(box.said)
    assert box.layers("one")["one"] == blob, "and are not installed again"
    monkeypatch.undo()
    monkeypatch.setenv("LOCALMODEL_HOME", str(box.wheels.parent / "home"))
    assert box.layers("one") == whole, "until there is one"
