"""A virtual environment takes from another one what both have, and nothing of that can be told from a new one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.package_index import make_wheel

from localmodel import run_coroutine
from localmodel.environments.locks.lock import Lock
from localmodel.environments.venvs import venv

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
Build = Callable[..., Path]


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels, the only source of packages."""
    home, folder = tmp_path / "home", tmp_path / "wheels"
    folder.mkdir()
    home.mkdir()
    (home / "packages.toml").write_text(f'no-index = true\nfind-links = ["{folder}"]\n')
    monkeypatch.setenv("LOCALMODEL_HOME", str(home))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    return folder


@pytest.fixture
def build(wheels: Path, tmp_path: Path) -> Build:
    """Build an environment of packages (name=version) in a folder, and return where it is."""

    def build(folder: str = "environments", listen: Callable[[str], None] | None = None, **packages: str) -> Path:
        pinned = (
            (name, version, make_wheel(wheels, name, version, contents(name, version)))
            for name, version in packages.items()
        )
        lock = Lock("".join(f"{name}=={version} --hash={digest}\n" for name, version, digest in pinned))
        return run_coroutine.run(venv.build(lock, PYTHON, tmp_path / folder, None, listen)).parents[1]

    return build


def contents(name: str, version: str) -> dict[str, str]:
    """A module, and a package with data and a module that no Python compiles; every version is of the same size."""
    return {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{name}_more/__init__.py": "",
        f"{name}_more/of/{version}/table.txt": "1 2 3\n",
        f"{name}_more/template.py": "def {{ name }}():\n",
        f"{name}-{version}.data/scripts/say-{name}": f"#!python\nimport {name}\nprint({name}.VERSION)\n",
    }


def run(environment: Path, *command: str) -> str:
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    program = environment / "bin" / command[0]
    return subprocess.run(
        [program, *command[1:]], env=variables, check=True, capture_output=True, text=True
    ).stdout.strip()


def files(environment: Path) -> dict[str, tuple[int, int]]:
    """Every file of the environment and of Python's compiling, as path -> inode and time."""
    found = {str(path.relative_to(environment)): path.lstat() for path in environment.rglob("*")}
    return {name: (status.st_ino, status.st_mtime_ns) for name, status in found.items()}


def test_one_package_more_installs_and_compiles_that_one(build: Build) -> None:
    before = build(one="1.0", two="1.0")
    assert run(before, "python", "-c", "import one, two; print(one.VERSION)") == "1.0"
    old = files(before)
    said: list[str] = []
    after = build(one="1.0", two="1.0", three="1.0", listen=said.append)
    new = files(after)
    assert f"2 packages from {before}" in said
    assert [line for line in said if line.startswith(" + ")] == [" + three==1.0"]
    compiled = f"lib/python{PYTHON}/site-packages/__pycache__/one.{sys.implementation.cache_tag}.pyc"
    for shared in (compiled, f"lib/python{PYTHON}/site-packages/two.py", "bin/say-two"):
        assert new[shared] == old[shared]
    assert run(after, "python", "-c", "import one, three; print(one.__file__)").startswith(str(after))
    assert run(after, "say-one") == run(after, "say-three") == "1.0"
    assert files(after)[compiled] == old[compiled], "what was compiled is used"
    assert files(before) == old, "what serves has not changed"


def test_it_is_as_if_made_from_nothing(build: Build) -> None:
    before = build(one="1.0", two="1.0", three="1.0")
    run(before, "python", "-c", "import one, two, three, two_more, three_more")
    made = build(one="1.0", two="2.0", four="1.0")
    fresh = build("elsewhere", one="1.0", two="2.0", four="1.0")
    once = {name for name in files(made) if "__pycache__" not in name}
    assert once == {name for name in files(fresh) if "__pycache__" not in name}
    for name in once:
        if name.endswith("RECORD"):
            assert sorted((made / name).read_text().split()) == sorted((fresh / name).read_text().split())
    left = {name for name in files(made) if "two" in name or "three" in name}
    assert not [name for name in left if "__pycache__" in name or "three" in name or "1.0" in name]


def test_a_newer_version_of_the_same_size_and_time_is_what_runs(build: Build) -> None:
    before = build(one="1.0", two="1.0")
    run(before, "python", "-c", "import one, two")
    after = build(one="1.0", two="2.0")
    assert run(after, "say-two") == "2.0"
    assert run(before, "say-two") == "1.0"


def test_another_file_of_the_same_version_is_installed(build: Build, wheels: Path, tmp_path: Path) -> None:
    build(one="1.0", two="1.0")
    digest = make_wheel(wheels, "one", "1.0", {**contents("one", "1.0"), "one.py": "VERSION = 'built again'\n"})
    lock = Lock(f"one==1.0 --hash={digest}\n")
    after = run_coroutine.run(venv.build(lock, PYTHON, tmp_path / "environments")).parents[1]
    assert run(after, "say-one") == "built again"


def test_what_is_not_whole_is_not_taken(build: Build) -> None:
    before = build(one="1.0", two="1.0")
    site = before / f"lib/python{PYTHON}/site-packages"
    (site / "one.py").unlink()
    (site / "two.py").unlink()  # writing into it would change the installer's own copy
    (site / "two.py").write_text("VERSION = 'edited by hand'\n")
    after = build(one="1.0", two="1.0", three="1.0")
    assert run(after, "say-one") == run(after, "say-two") == run(after, "say-three") == "1.0"


def test_no_packages_at_all(build: Build) -> None:
    build(one="1.0")
    assert run(build(), "python", "-c", "import importlib.util as i; print(i.find_spec('one'))") == "None"
