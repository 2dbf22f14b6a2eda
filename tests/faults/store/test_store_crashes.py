"""A store survives that whoever writes to it is killed, between any two steps."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import crashing
import pytest

from localmodel.resource.spec import EnvironmentSpec
from localmodel.store import Store


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What commands register, import and pull; and `base`, the store they start from."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "net").mkdir()
    (folder / "net" / "1.bin").write_bytes(os.urandom(3 << 20))
    (folder / "net" / "2.bin").write_text("two")
    for name in ("one", "two", "three", "far"):
        (folder / f"{name}.bin").write_text(name)
    other = Store(folder / "other")
    far = [other.models.register("far", folder / "far.bin", tags={"area": "far"})]
    far.append(other.models.register("m", folder / "two.bin"))
    other.export_to(folder / "models.tar", [*far, other.environments.register("e", EnvironmentSpec("3.13"))])
    base = Store(folder / "base")
    for name in ("one", "two", "three"):
        base.models.register("m", folder / f"{name}.bin", tags={"area": name})
    base.models.set_alias("m", "champion", 1)
    base.models.delete("m", 3)
    base.environments.register("e", EnvironmentSpec("3.11"))
    return folder


@contextmanager
def commands(command: str, root: Path, files: Path) -> Iterator[Any]:
    """A function that runs the command until its n-th step, and tells how it ended."""
    arguments = [sys.executable, crashing.__file__, command, str(root), str(files)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        stdin, stdout = process.stdin, process.stdout

        def run(number: int) -> str:
            stdin.write(f"{number}\n")
            stdin.flush()
            return stdout.readline().strip()

        yield run
        stdin.close()


def visible(store: Store) -> dict[str, Any]:
    """Every version but for when it was made, and every alias."""
    versions = [*store.models.list(), *store.environments.list(), *store.code.list()]
    found: dict[str, Any] = {f"{type(each).__name__} {each.name}:{each.version}": each for each in versions}
    found = {key: replace(each, created="") for key, each in found.items()}
    return {**found, "aliases": store.models.aliases("m")}


def leftovers(store: Store) -> list[str]:
    paths = (str(path.relative_to(store.root)) for path in store.root.rglob("*") if path.is_file())
    return [
        path for path in paths if ("/." in f"/{path}" and not path.endswith("/.lock")) or path.startswith("incoming")
    ]


def problems(store: Store) -> list[str]:
    return [f"{problem.what}: {problem.message}" for problem in store.verify()]


@pytest.mark.parametrize("command", crashing.COMMANDS)
def test_killed_at_any_step(command: str, files: Path, tmp_path: Path) -> None:
    run_whole = crashing.COMMANDS[command]
    finished = Store(tmp_path / "finished")
    shutil.copytree(files / "base", finished.root)
    before = visible(finished)
    run_whole(finished, files)
    after = visible(finished)
    store, number, outcome = Store(tmp_path / "store"), 0, "killed"
    with commands(command, store.root, files) as run:
        while outcome == "killed":
            number += 1
            shutil.rmtree(store.root, ignore_errors=True)
            shutil.copytree(files / "base", store.root)
            outcome = run(number)
            where = f"{command}, killed before step {number}"
            found = visible(store)
            # one after the other, where a command makes several: each is as before, or as it will be
            for key in before.keys() | after.keys() | found.keys():
                assert found.get(key) in (before.get(key), after.get(key)), where
            assert [each for each in problems(store) if not each.startswith("index.json")] == [], where
            run_whole(store, files)
            assert visible(store) == after, where
            store.collect_garbage()
            assert (leftovers(store), problems(store), visible(store)) == ([], [], after), where
            assert store.layout.blobs() == clean(finished).layout.blobs(), where
    assert outcome == "done"
    assert number > 5


def clean(store: Store) -> Store:
    store.collect_garbage()
    return store
