"""A disk without room: it is said, and nothing half is left."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from localmodel.store import Store

SCRIPT = """
import resource, sys
from pathlib import Path
from localmodel.errors import UserError
from localmodel.store import Store
store, files, limit = Store(Path(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3])
store.models.register("m", files / "small.bin")
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
for attempt in (lambda: store.models.register("m", files / "big.bin"), lambda: store.import_from(files / "big.tar")):
    try:
        attempt()
    except UserError as error:
        print(error.reason, error)
print([model.version for model in store.models.list()], list(store.verify()))
print([path.name for path in (store.root / "incoming").iterdir()])
print(store.models.register("m", files / "small.bin", description="there is room for this").version)
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "small.bin").write_text("weights")
    (tmp_path / "big.bin").write_bytes(bytes(6 << 20))
    other = Store(tmp_path / "other" / "store")
    other.export_to(tmp_path / "big.tar", [other.models.register("m", tmp_path / "big.bin")])
    return tmp_path


def check(output: str, words: str) -> None:
    registering, importing, *rest = output.splitlines()
    assert registering.startswith("StoreFull") and importing.startswith("StoreFull")
    assert "needs 6291456 bytes" in registering and words in registering and "bytes are free" in registering
    assert rest == ["[1] []", "[]", "2"]


def test_a_full_disk(files: Path) -> None:
    """A disk of 4 MiB, in a mount namespace of our own."""
    alone = ["unshare", "--user", "--map-root-user", "--mount"]
    if not shutil.which("unshare") or subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("left out, a store on a disk that is really full: this user may not mount one")
    (files / "disk").mkdir()
    command = 'mount -t tmpfs -o size=4m none "$1" && shift && exec "$@"'
    python = [sys.executable, "-c", SCRIPT, str(files / "disk" / "store"), str(files), "0"]
    result = subprocess.run(
        [*alone, "sh", "-c", command, "sh", str(files / "disk"), *python], check=True, capture_output=True, text=True
    )
    check(result.stdout, "No space left")


def test_a_limit_on_the_size_of_files(files: Path) -> None:
    python = [sys.executable, "-c", SCRIPT, str(files / "store"), str(files), str(4 << 20)]
    check(subprocess.run(python, check=True, capture_output=True, text=True).stdout, "File too large")


MEMORY = """
import sys
from pathlib import Path
from localmodel.store import Store
def peak():  # of this program alone: ru_maxrss begins with what the program had that started it
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024
store, files = Store(Path(sys.argv[1])), Path(sys.argv[2])
before = peak()
model = store.models.register("m", files / "big.bin")
store.export_to(files / "out.tar", [model])
store.import_from(files / "out.tar", name="other")
store.models.download("m", 1, files / "out")
assert not list(store.verify())
print(peak() - before)
"""


def test_a_big_model_needs_little_memory(files: Path) -> None:
    command = [sys.executable, "-c", MEMORY, str(files / "store"), str(files)]
    with (files / "big.bin").open("wb") as big:
        big.truncate(200 << 20)
    assert int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) < 50  # MiB
