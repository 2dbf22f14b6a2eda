"""Many processes work on one store, and none of them loses what another one did."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from localmodel.store import Store

PROCESSES, EACH = 8, 25

REGISTER = """
import sys
from pathlib import Path
from localmodel.store import Store
store, own, count = Store(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
for number in range(count):
    path = Path(sys.argv[4]) / f"{own}.bin"
    path.write_text(f"{own} {number}" * 1000)
    store.models.register("m", path, tags={"own": own, "number": str(number)})
"""
UPDATE = """
import sys
from pathlib import Path
from localmodel.store import Store
store, own, count = Store(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
for number in range(count):
    store.models.update("m", 1, tags={f"{own}-{number}": "set"})
    store.models.set_alias("m", f"a{own}-{number}", 1)
"""
COLLECT = """
import sys
from pathlib import Path
from localmodel.store import Store
for _ in range(int(sys.argv[3])):
    Store(Path(sys.argv[1])).collect_garbage()
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def together(store: Store, folder: Path, *scripts: str) -> None:
    """Run the scripts at the same time, each as a process."""
    arguments = [[script, str(store.root), str(index), str(EACH), str(folder)] for index, script in enumerate(scripts)]
    processes = [
        subprocess.Popen([sys.executable, "-c", *each], stderr=subprocess.PIPE, text=True) for each in arguments
    ]
    for process in processes:
        assert process.communicate(timeout=300)[1] == ""


def test_every_registration_has_a_version_of_its_own(store: Store, tmp_path: Path) -> None:
    together(store, tmp_path, *[REGISTER] * PROCESSES)
    models = store.models.list()
    assert [model.version for model in models] == list(range(1, PROCESSES * EACH + 1))
    told = {(model.tags["own"], model.tags["number"]) for model in models}
    assert len(told) == PROCESSES * EACH
    assert len({model.digest for model in models}) == PROCESSES * EACH
    index = json.loads((store.root / "index.json").read_bytes())
    assert len(index["manifests"]) == PROCESSES * EACH
    assert list(store.verify()) == []


def test_garbage_collection_takes_nothing_from_those_who_write(store: Store, tmp_path: Path) -> None:
    together(store, tmp_path, REGISTER, COLLECT, REGISTER, COLLECT, REGISTER)
    assert len(store.models.list()) == 3 * EACH
    assert list(store.verify()) == []


def test_no_tag_and_no_alias_is_lost(store: Store, tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_text("weights")
    store.models.register("m", tmp_path / "m.bin")
    together(store, tmp_path, *[UPDATE] * 4)
    wanted = {f"{own}-{number}" for own in range(4) for number in range(EACH)}
    assert set(store.models.get("m").tags) == wanted
    assert {alias.removeprefix("a") for alias in store.models.aliases("m")} == wanted
