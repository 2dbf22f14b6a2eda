"""An edit of requirements changes no more than it must: versions stay, also when the index has newer ones by now."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from package_index import make_wheel

from localmodel import running
from localmodel.environments import hashes
from localmodel.environments import lock as locks
from localmodel.errors import UserError
from localmodel.spec import EnvironmentSpec

Resolve = Callable[..., dict[str, str]]


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only source of packages: a, b and c in version 1; c needs a."""
    home, folder = tmp_path / "home", tmp_path / "wheels"
    home.mkdir()
    folder.mkdir()
    (home / "packages.toml").write_text(f'no-index = true\nfind-links = ["{folder}"]\n')
    monkeypatch.setenv("LOCALMODEL_HOME", str(home))
    for name in ("a", "b"):
        make_wheel(folder, name, "1.0")
    needing(folder, "c", "1.0", "a")
    return folder


def needing(folder: Path, name: str, version: str, *needed: str) -> str:
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {each}\n" for each in needed)
    return make_wheel(folder, name, version, {f"{name}-{version}.dist-info/METADATA": metadata})


@pytest.fixture
def resolve(wheels: Path, tmp_path: Path) -> Resolve:
    """Resolve requirements; returns the versions by name."""

    def resolve(*requirements: str, python: str = "3.11") -> dict[str, str]:
        lock = running.run(locks.resolve(EnvironmentSpec(python, requirements), None, tmp_path / "locks"))
        blocks = hashes.packages(lock.text)
        assert all("--hash=sha256:" in block for block in blocks)
        assert [hashes.name(block) for block in blocks] == sorted(hashes.name(block) for block in blocks)
        return dict(block.split(" ")[0].split("==") for block in blocks)

    return resolve


def test_what_is_added_leaves_the_others_as_they_are(resolve: Resolve, wheels: Path) -> None:
    assert resolve("b", "a") == {"a": "1.0", "b": "1.0"}
    for name in ("a", "b"):
        make_wheel(wheels, name, "2.0")
    assert resolve("b", "c", "a") == {"a": "1.0", "b": "1.0", "c": "1.0"}
    assert resolve("a", "b") == {"a": "1.0", "b": "1.0"}


def test_what_is_removed_leaves_the_others_as_they_are(resolve: Resolve, wheels: Path) -> None:
    resolve("b", "c", "a>=1")
    for name in ("a", "b"):
        make_wheel(wheels, name, "2.0")
    assert resolve("b", "c") == {"a": "1.0", "b": "1.0", "c": "1.0"}


def test_what_must_change_changes(resolve: Resolve, wheels: Path) -> None:
    resolve("a", "b")
    for name in ("a", "b"):
        make_wheel(wheels, name, "2.0")
    needing(wheels, "d", "1.0", "a>=2")
    assert resolve("a", "b", "d") == {"a": "2.0", "b": "1.0", "d": "1.0"}
    assert resolve("a", "b", "d", "b>=2") == {"a": "2.0", "b": "2.0", "d": "1.0"}
    with pytest.raises(UserError, match="No solution found"):
        resolve("a", "b", "d", "a<2")


def test_other_environments_are_no_concern_of_it(resolve: Resolve, wheels: Path) -> None:
    resolve("a", "b", "c")
    make_wheel(wheels, "a", "2.0")
    assert resolve("a") == {"a": "2.0"}
    assert resolve("a", "b", "c", python="3.12")["a"] == "2.0"


def test_a_hash_that_is_demanded_of_what_is_added(resolve: Resolve, wheels: Path) -> None:
    resolve("a", "b")
    demanded = needing(wheels, "d", "1.0")
    assert resolve("a", "b", f"d --hash={demanded}")["d"] == "1.0"
    with pytest.raises(UserError, match="no file with a demanded --hash"):
        resolve("a", "b", f"c --hash={demanded}")


def test_the_order_of_requirements_makes_no_other_lock(wheels: Path, tmp_path: Path) -> None:
    one, two = (
        running.run(locks.resolve(EnvironmentSpec("3.11", requirements), None, tmp_path / "locks"))
        for requirements in (("a", "b"), ("b", "a"))
    )
    assert one == two


def test_it_is_the_lock_that_is_resolved_from_nothing(wheels: Path, tmp_path: Path) -> None:
    for requirements in (("b", "c"), ("b", "c", "a"), ("c", "a")):
        spec = EnvironmentSpec("3.11", requirements)
        fresh = running.run(locks.resolve(spec, None, tmp_path / "-".join(requirements)))
        assert running.run(locks.resolve(spec, None, tmp_path / "locks")) == fresh
