"""An edit of requirements changes no more than it must: versions stay, also when the index has newer ones by now."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.lmd_command import PYTHON
from support.package_index import make_wheel, serving

from localmodel import run_coroutine
from localmodel.disk import home
from localmodel.environments import here
from localmodel.environments.locks import lock as locks
from localmodel.environments.locks.lock import Lock
from localmodel.environments.venvs import venv
from localmodel.errors import UserError
from localmodel.requirements import hashes
from localmodel.resource.spec import EnvironmentSpec
from localmodel.store import Store
from localmodel_operator import main
from localmodel_operator.operator import EVERY


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only source of packages: a, b and c in version 1; c needs a."""
    root, folder = tmp_path / "home", tmp_path / "wheels"
    root.mkdir()
    folder.mkdir()
    (root / "packages.toml").write_text(f'no-index = true\nfind-links = ["{folder}"]\n')
    monkeypatch.setenv("LOCALMODEL_HOME", str(root))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    for name in ("a", "b"):
        make_wheel(folder, name, "1.0")
    needing(folder, "c", "1.0", "a")
    return folder


def needing(folder: Path, name: str, version: str, *needed: str) -> str:
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {each}\n" for each in needed)
    return make_wheel(folder, name, version, {f"{name}-{version}.dist-info/METADATA": metadata})


def versions(lock: Lock) -> dict[str, str]:
    blocks = hashes.packages(lock.text)
    assert all("--hash=sha256:" in block for block in blocks)
    assert [hashes.name(block) for block in blocks] == sorted(hashes.name(block) for block in blocks)
    return dict(block.split(" ")[0].split("==") for block in blocks)


class Deployment:
    """Edits of one deployment's requirements, each of which comes to serve; gives the versions by name."""

    def __init__(self, locks: Path) -> None:
        self.locks, self.notes = locks, list[str]()
        self.served: list[str] = []

    def __call__(self, *requirements: str, python: str = "3.11", serves: bool = True) -> dict[str, str]:
        spec = EnvironmentSpec(python, requirements)
        lock = run_coroutine.run(locks.resolve(spec, None, self.locks, self.notes.append, self.served))
        if serves:
            self.served = [lock.digest, *self.served]
        return versions(lock)


@pytest.fixture
def resolve(wheels: Path, tmp_path: Path) -> Deployment:
    return Deployment(tmp_path / "locks")


@pytest.fixture
def another(wheels: Path, tmp_path: Path) -> Deployment:
    """In the same store."""
    return Deployment(tmp_path / "locks")


def test_what_is_added_leaves_the_others_as_they_are(resolve: Deployment, wheels: Path) -> None:
    assert resolve("b", "a") == {"a": "1.0", "b": "1.0"}
    for name in ("a", "b"):
        make_wheel(wheels, name, "2.0")
    assert resolve("b", "c", "a") == {"a": "1.0", "b": "1.0", "c": "1.0"}
    assert resolve.notes == ["2 of 3 packages keep their versions; for a newer one, ask for it (name>=version)"]
    assert resolve("a", "b") == {"a": "1.0", "b": "1.0"}
    assert resolve("b", "c", "a") == {"a": "1.0", "b": "1.0", "c": "1.0"}


def test_what_is_removed_leaves_the_others_as_they_are(resolve: Deployment, wheels: Path) -> None:
    resolve("b", "c", "a>=1")
    for name in ("a", "b"):
        make_wheel(wheels, name, "2.0")
    assert resolve("b", "c") == {"a": "1.0", "b": "1.0", "c": "1.0"}


def test_what_must_change_changes(resolve: Deployment, wheels: Path) -> None:
    resolve("a", "b")
    for name in ("a", "b"):
        make_wheel(wheels, name, "2.0")
    needing(wheels, "d", "1.0", "a>=2")
    assert resolve("a", "b", "d") == {"a": "2.0", "b": "1.0", "d": "1.0"}
    assert resolve("a", "b", "d", "b>=2") == {"a": "2.0", "b": "2.0", "d": "1.0"}
    with pytest.raises(UserError, match="No solution found"):
        resolve("a", "b", "d", "a<2")


def test_the_locks_of_others_and_of_what_never_served_are_no_concern_of_it(
    resolve: Deployment, another: Deployment, wheels: Path
) -> None:
    assert another("a==1.0", "b", "c")["b"] == "1.0"
    for name in ("a", "b"):
        make_wheel(wheels, name, "2.0")
    assert another("a", "b", "c") == {"a": "1.0", "b": "1.0", "c": "1.0"}
    assert resolve("a<2", "b", "c", serves=False) == {"a": "1.0", "b": "2.0", "c": "1.0"}
    assert resolve("a", "b", "c") == {"a": "2.0", "b": "2.0", "c": "1.0"}
    assert resolve.notes == []
    assert another("a", "b", "c")["a"] == "1.0"
    assert another("a", "b", "c", python="3.12")["a"] == "2.0"


def test_a_version_of_a_stored_environment_keeps_its_lock_and_takes_after_the_versions_before(
    wheels: Path, tmp_path: Path
) -> None:
    store = Store(home.store())
    for requirements in (("a",), ("a", "b"), ("a", "b", "c")):
        store.environments.register("pe", EnvironmentSpec("3.11", requirements))

    def of(number: int) -> dict[str, str]:
        return versions(here.lock(store.environments.get("pe", number)))

    assert of(2) == {"a": "1.0", "b": "1.0"}
    for name in ("a", "b"):
        make_wheel(wheels, name, "2.0")
    assert of(1) == {"a": "2.0"}
    assert of(3) == {"a": "1.0", "b": "1.0", "c": "1.0"}
    assert of(2) == {"a": "1.0", "b": "1.0"}
    rebuilt(wheels, "b", "1.0")
    assert (of(3), of(2), of(1)) == ({"a": "1.0", "b": "1.0", "c": "1.0"}, {"a": "1.0", "b": "1.0"}, {"a": "2.0"})


def test_locks_of_earlier_versions_of_ours_go_on_working(resolve: Deployment, wheels: Path, tmp_path: Path) -> None:
    """Their notes do not say which digests the lock has had."""
    resolve("a", "b")
    (note,) = (tmp_path / "locks").glob("*.json")
    note.write_text(json.dumps({key: value for key, value in json.loads(note.read_text()).items() if key != "digests"}))
    for name in ("a", "b"):
        make_wheel(wheels, name, "2.0")
    assert resolve("a", "b", "c") == {"a": "1.0", "b": "1.0", "c": "1.0"}
    assert resolve("a", "b") == {"a": "1.0", "b": "1.0"}
    rebuilt(wheels, "a", "1.0")
    assert resolve("a", "b") == {"a": "1.0", "b": "1.0"}


def rebuilt(folder: Path, name: str, version: str) -> str:
    return make_wheel(folder, name, version, {f"{name}.py": "VERSION = 'another'\n"})


def test_a_wheel_that_was_built_again_is_locked_anew(
    resolve: Deployment, another: Deployment, wheels: Path, tmp_path: Path
) -> None:
    resolve("a", "b")
    make_wheel(wheels, "b", "2.0")
    said = "a-1.0-py3-none-any.whl: the content differs from the lock; locking again"
    for first, wanted in ((resolve, ("a", "b")), (another, ("b", "a"))):
        hash_ = rebuilt(wheels, "a", "1.0")
        assert first(*wanted)["a"] == "1.0"
        assert hash_ in locked(tmp_path, *wanted)
        count = first.notes.count(said)
        first(*wanted)
        assert first.notes.count(said) == count
    assert resolve.notes == [said]
    assert resolve("a", "b") == {"a": "1.0", "b": "1.0"}
    assert resolve("a", "b", "c") == {"a": "1.0", "b": "1.0", "c": "1.0"}


def locked(tmp_path: Path, *requirements: str) -> str:
    return run_coroutine.run(locks.resolve(EnvironmentSpec("3.11", requirements), None, tmp_path / "locks")).text


def test_what_stays_beside_a_wheel_that_was_built_again_is_not_its_old_content(
    resolve: Deployment, wheels: Path, tmp_path: Path
) -> None:
    resolve("a", "b")
    hash_ = rebuilt(wheels, "a", "1.0")
    make_wheel(wheels, "b", "2.0")
    assert resolve("a", "b", "c") == {"a": "1.0", "b": "1.0", "c": "1.0"}
    lock = run_coroutine.run(
        locks.resolve(EnvironmentSpec("3.11", ("a", "b", "c")), None, tmp_path / "locks", None, resolve.served)
    )
    assert hash_ in lock.text


def test_only_a_wheel_that_the_lock_could_have_meant_counts(wheels: Path, tmp_path: Path) -> None:
    demanded = f"b --hash={make_wheel(wheels, 'b', '1.0')}"
    before = locked(tmp_path, "a", demanded)
    make_wheel(wheels, "a", "1.0", tag="cp39-cp39-win_amd64")
    (wheels / "a-1.0.whl").write_text("no wheel")
    rebuilt(wheels, "b", "1.0")
    assert locked(tmp_path, "a", demanded) == before
    (wheels / "a-1.0-py3-none-any.whl").unlink()
    assert locked(tmp_path, "a", demanded) == before


def test_for_a_cluster_it_is_the_same(wheels: Path, tmp_path: Path) -> None:
    spec, platform = EnvironmentSpec("3.11", ("a",)), locks.PLATFORMS["amd64"]
    make_wheel(wheels, "a", "2.0", tag="cp311-cp311-manylinux_2_17_x86_64")
    before = run_coroutine.run(locks.resolve(spec, platform, tmp_path / "locks"))
    hash_ = make_wheel(wheels, "a", "2.0", {"a.py": ""}, tag="cp311-cp311-manylinux_2_17_x86_64")
    after = run_coroutine.run(locks.resolve(spec, platform, tmp_path / "locks", own=[before.digest]))
    assert hash_ in after.text and hash_ not in before.text


async def test_the_operator_looks_again_when_a_wheel_is_built_again(
    wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main, "_LOOK_AT_WHEELS_EVERY", 0.01)
    queue = asyncio.Queue[Any]()
    following = asyncio.create_task(main._follow_wheels(SimpleNamespace(queue=SimpleNamespace(add=queue.put_nowait))))
    async with asyncio.timeout(60):
        while queue.empty():  # it may not have looked for the first time yet
            rebuilt(wheels, "a", "1.0")
            await asyncio.sleep(0.05)
    assert queue.get_nowait() == EVERY
    following.cancel()


def test_ones_own_wheel_wins_over_an_index(wheels: Path, tmp_path: Path) -> None:
    own = needing(wheels, "e", "0.2", "theirs")
    make_wheel(tmp_path / "index", "e", "1.0")
    make_wheel(tmp_path / "index", "theirs", "1.0")
    with serving(tmp_path / "index") as url:
        (home.home() / "packages.toml").write_text(f'index-url = "{url}"\nfind-links = ["{wheels}"]\n')
        found = run_coroutine.run(locks.resolve(EnvironmentSpec(PYTHON, ("e",)), None, tmp_path / "locks"))
        assert versions(found) == {"e": "0.2", "theirs": "1.0"} and own in found.text
        with pytest.raises(UserError) as error:
            locked(tmp_path, "e>=1")
        assert "wheel folders are asked only for what they have: e (0.2)" in str(error.value)
        # one that was locked otherwise, before, is installed as it was locked
        other = hashlib.sha256((tmp_path / "index" / "e-1.0-py3-none-any.whl").read_bytes()).hexdigest()
        python = run_coroutine.run(
            venv.build(Lock(f"e==1.0 --hash=sha256:{other}\n"), PYTHON, tmp_path / "environments")
        )
    assert subprocess.check_output([python, "-c", "import e; print(e.VERSION)"]) == b"1.0\n"


def test_a_hash_that_is_demanded_of_what_is_added(resolve: Deployment, wheels: Path) -> None:
    resolve("a", "b")
    demanded = needing(wheels, "d", "1.0")
    assert resolve("a", "b", f"d --hash={demanded}")["d"] == "1.0"
    with pytest.raises(UserError, match="no file with a demanded --hash"):
        resolve("a", "b", f"c --hash={demanded}")


def test_the_order_of_requirements_makes_no_other_lock(wheels: Path, tmp_path: Path) -> None:
    one, two = (
        run_coroutine.run(locks.resolve(EnvironmentSpec("3.11", requirements), None, tmp_path / "locks"))
        for requirements in (("a", "b"), ("b", "a"))
    )
    assert one == two


def test_it_is_the_lock_that_is_resolved_from_nothing(wheels: Path, tmp_path: Path) -> None:
    for requirements in (("b", "c"), ("b", "c", "a"), ("c", "a")):
        spec = EnvironmentSpec("3.11", requirements)
        fresh = run_coroutine.run(locks.resolve(spec, None, tmp_path / "-".join(requirements)))
        assert run_coroutine.run(locks.resolve(spec, None, tmp_path / "locks")) == fresh
