"""The program that changes an environment in an image: what it leaves, what it compiles, and the layer it packs."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from support.package_index import make_sdist, make_wheel
from uv import find_uv_bin

from localmodel import data

SITE = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"


class Box:
    """A folder as the image has it for a build, and an environment."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.wheels, self.environment = folder, folder / "wheels", folder / "opt" / "env"
        (folder / "tools" / "bin").mkdir(parents=True)
        (folder / "tools" / "bin" / "uv").symlink_to(find_uv_bin())
        (folder / "install.py").write_bytes((data.path("scoring-image") / "install.py").read_bytes())
        (folder / "ca.pem").touch()
        (folder / "uv.toml").write_text(f'no-index = true\nfind-links = ["{self.wheels}"]\n')
        self.wheels.mkdir()
        command = [find_uv_bin(), "venv", "--quiet", "--no-config", "--python", sys.executable, self.environment]
        subprocess.run(command, check=True)
        self.locks: dict[str, str] = {}

    def wheel(self, name: str, version: str, files: dict[str, str]) -> None:
        digest = make_wheel(self.wheels, name, version, files)
        self.locks[f"{name} {version}"] = f"{name}=={version} --hash={digest}\n"

    def install(self, *packages: str, remove: tuple[str, ...] = ()) -> tuple[list[str], dict[str, int]]:
        """Names in the layer below the environment's packages, and what the program told."""
        (self.folder / "lock.txt").write_text("".join(self.locks[package] for package in packages))
        (self.folder / "remove.txt").write_text("".join(f"{name}\n" for name in remove))
        done = self.run()
        assert done.returncode == 0, done.stderr
        inside = f"{str(self.environment).lstrip('/')}/"
        with tarfile.open(self.folder / "layer.tar") as layer:
            members = layer.getmembers()
        assert all((member.mtime, member.uid, member.gid) == (0, 0, 0) for member in members)
        assert [member.name for member in members] == sorted(member.name for member in members)
        site = f"{inside}{SITE}/"
        names = [member.name.removeprefix(site) for member in members if member.name.startswith(site)]
        told: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
        return names, told

    def run(self) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-I", self.folder / "install.py", self.environment, self.folder / "lock.txt"]
        options = ["--remove", self.folder / "remove.txt", "--layer", self.folder / "layer.tar"]
        return subprocess.run([*program, *options], capture_output=True, text=True, check=False)

    def says(self, code: str) -> str:
        command = [self.environment / "bin" / "python", "-c", code]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def compiled(self) -> dict[str, int]:
        """Modules that are compiled -> time at which they were."""
        found = (self.environment / SITE).rglob("*.pyc")
        return {importlib.util.source_from_cache(path).split(SITE + "/")[1]: path.stat().st_mtime_ns for path in found}


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def tag(name: str) -> str:
    return f"{name}.{sys.implementation.cache_tag}.pyc"


def test_what_is_added_is_compiled_and_packed_and_nothing_else_is_touched(box: Box) -> None:
    box.wheel("one", "1.0", {"one.py": "", "one_more/__init__.py": "", "space/one.py": ""})
    box.wheel("two", "1.0", {"two.py": "WORD = 'two'\n", "space/two.py": "", "template.py": "def {{ name }}:\n"})
    box.install("one 1.0")
    before = box.compiled()
    assert {"one.py", "space/one.py", "one_more/__init__.py"} <= before.keys()
    names, told = box.install("two 1.0")
    after = box.compiled()
    assert {name: time for name, time in after.items() if name in before} == before
    assert after.keys() - before.keys() == {"two.py", "space/two.py"}
    files = {name for name in names if "dist-info" not in name}
    assert {"two.py", "space/two.py", "template.py"} <= files
    assert {"__pycache__/" + tag("two"), "space/__pycache__/" + tag("two")} <= files
    assert not [name for name in names if "one" in name or ".wh." in name]
    assert told["dead"] == 0 < told["live"]
    assert box.says("import two; print(two.WORD)") == "two"


def test_what_is_removed_leaves_nothing_behind(box: Box) -> None:
    box.wheel("one", "1.0", {"one.py": "", "space/one.py": "", "space/deep/one.py": ""})
    box.wheel("two", "1.0", {"two.py": "", "space/two.py": ""})
    box.install("two 1.0")
    alone = sorted(path for path in box.environment.rglob("*"))
    box.install("one 1.0")
    names, told = box.install(remove=("one",))
    assert sorted(box.environment.rglob("*")) == alone
    assert {".wh.one.py", "__pycache__/.wh." + tag("one"), ".wh.one-1.0.dist-info"} <= set(names)
    assert {"space/.wh.one.py", "space/.wh.deep"} <= set(names), "a folder that is gone is one mark"
    assert not [name for name in names if name.startswith("space/deep/")]
    assert told["dead"] > 0


def test_the_last_package_takes_its_folders_with_it(box: Box) -> None:
    alone = sorted(box.environment.rglob("*"))
    box.wheel("one", "1.0", {"one.py": "", "space/one.py": ""})
    box.install("one 1.0")
    names, _ = box.install(remove=("one",))
    assert sorted(box.environment.rglob("*")) == alone
    assert {".wh.space", ".wh.__pycache__", ".wh.one.py"} <= set(names)


def test_another_version_is_what_runs(box: Box) -> None:
    for version in ("1.0", "2.0"):
        box.wheel("one", version, {"one.py": f"WORD = {version}\n"})
    box.install("one 1.0")
    assert box.says("import one; print(one.WORD)") == "1.0"
    names, _ = box.install("one 2.0", remove=("one",))
    assert box.says("import one; print(one.WORD)") == "2.0"
    assert {"one.py", "__pycache__/" + tag("one"), ".wh.one-1.0.dist-info"} <= set(names)


def test_equal_changes_make_equal_layers(tmp_path: Path) -> None:
    layers: list[list[tuple[bytes, bytes]]] = []
    for _ in range(2):
        box = Box(tmp_path / "box")
        box.wheel("one", "1.0", {"one.py": "WORD = 'one'\n"})
        box.wheel("two", "1.0", {"two.py": "WORD = 'two'\n"})
        box.install("one 1.0")
        box.install("two 1.0", remove=("one",))
        with tarfile.open(box.folder / "layer.tar") as layer:
            # the installer notes in these when a wheel in a folder was last changed
            members = [each for each in layer if not each.name.endswith(("RECORD", "uv_cache.json"))]
            found = ((each, layer.extractfile(each) if each.isfile() else None) for each in members)
            layers.append([(each.tobuf(), content.read() if content else b"") for each, content in found])
        box.folder.rename(tmp_path / f"done-{len(layers)}")
    assert layers[0] == layers[1]


def test_a_file_that_two_packages_have_is_not_lost_in_silence(box: Box) -> None:
    box.wheel("one", "1.0", {"one.py": "", "tests/__init__.py": ""})
    box.wheel("two", "1.0", {"two.py": "", "tests/__init__.py": ""})
    box.install("one 1.0", "two 1.0")
    (box.folder / "lock.txt").write_text("")
    (box.folder / "remove.txt").write_text("one\n")
    done = box.run()
    assert done.returncode != 0
    assert "two-1.0.dist-info shares" in done.stderr


def test_what_cannot_be_installed_is_an_error(box: Box) -> None:
    box.wheel("one", "1.0", {"one.py": ""})
    (box.folder / "remove.txt").write_text("")
    (box.folder / "lock.txt").write_text(box.locks["one 1.0"].replace("sha256:", "sha256:0")[:-2] + "\n")
    done = box.run()
    assert done.returncode != 0
    assert "one==1.0" in done.stderr or "Hash mismatch" in done.stderr


def test_variables_for_the_installer_are_taken_from_a_file(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    said = box.folder / "said"
    uv = box.folder / "tools" / "bin" / "uv"
    uv.unlink()
    uv.write_text(f'#!/bin/sh\necho "$HTTPS_PROXY" >> {said}\n')
    uv.chmod(0o755)
    (box.folder / "variables.json").write_text(json.dumps({"HTTPS_PROXY": "http://proxy.example:1"}))
    box.wheel("one", "1.0", {"one.py": ""})
    (box.folder / "lock.txt").write_text(box.locks["one 1.0"])
    (box.folder / "remove.txt").write_text("")
    assert box.run().returncode == 0
    assert said.read_text() == "http://proxy.example:1\n"


def test_what_has_no_wheel_is_not_built_in_the_image(box: Box, tmp_path: Path) -> None:
    path = make_sdist(box.wheels, "evil", "1.0", tmp_path / "ran")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (box.folder / "lock.txt").write_text(f"evil==1.0 --hash=sha256:{digest}\n")
    (box.folder / "remove.txt").touch()
    done = box.run()
    assert done.returncode != 0 and "Wheels are required for `evil`" in done.stderr
    assert not (tmp_path / "ran").exists()
