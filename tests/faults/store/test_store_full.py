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
    check(on_a_small_disk(files, SCRIPT, str(files / "disk" / "store"), str(files), "0"), "No space left")


def on_a_small_disk(files: Path, script: str, *arguments: str) -> str:
    """What the script prints, which has a disk of 4 MiB at files/disk, in a mount namespace of its own."""
    alone = ["unshare", "--user", "--map-root-user", "--mount"]
    if not shutil.which("unshare") or subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("left out, a store on a disk that is really full: this user may not mount one")
    (files / "disk").mkdir()
    command = 'mount -t tmpfs -o size=4m none "$1" && shift && exec "$@"'
    python = [sys.executable, "-c", script, *arguments]
    result = subprocess.run(
        [*alone, "sh", "-c", command, "sh", str(files / "disk"), *python], check=True, capture_output=True, text=True
    )
    return result.stdout


COMMANDS = """
import os, subprocess, sys
from pathlib import Path
from click.testing import CliRunner
from localmodel import Client
from localmodel.cli import main
from localmodel.errors import UserError
files, home = Path(sys.argv[1]), Path(sys.argv[1], "disk", "home")
os.environ["LOCALMODEL_HOME"] = str(home)
def lmd(*arguments):
    result = CliRunner().invoke(main, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), (arguments, result.exception)
    print(result.exit_code, " ".join(arguments[:2]), "|", result.output.strip().splitlines()[-1])
def fill():
    with open(home.parent / "fill", "ab") as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    os.write(file.fileno(), bytes(size))
            except OSError:
                pass
for number in (1, 2):
    (files / "m.bin").write_bytes(bytes([number]) * 200_000)
    lmd("model", "register", str(files / "m.bin"), "--name", "m")
fill()
lmd("store", "gc")
lmd("apply", "-f", str(files / "digits.yaml"))
try:
    Client().deploy("digits", files / "score.py", timeout=20)
except UserError as error:
    print(error.reason)
lmd("model", "delete", "m:1")
lmd("store", "gc")
lmd("store", "verify")
subprocess.run(["mount", "-o", "remount,ro", str(home.parent)], check=True)
lmd("model", "list")
lmd("status")
lmd("model", "register", str(files / "m.bin"), "--name", "n")
lmd("store", "gc")
lmd("model", "delete", "m:2")
lmd("apply", "-f", str(files / "digits.yaml"))
"""
MANIFEST = """
apiVersion: localmodel.dev/v1alpha1
kind: LocalModelDeployment
metadata: {name: digits}
spec:
  models: []
  scoring: {entryScript: score.py, source: {inline: {score.py: "def init(): pass\\ndef run(raw_data): pass"}}}
  environment: {python: "PYTHON"}
"""


def test_commands_on_a_full_disk_and_on_one_that_is_read_only(files: Path) -> None:
    """A message each; what frees room works with none, and everything is sound afterwards."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    (files / "digits.yaml").write_text(MANIFEST.replace("PYTHON", python))
    (files / "score.py").write_text("def init(): pass\ndef run(raw_data): pass\n")
    told = on_a_small_disk(files, COMMANDS, str(files)).splitlines()
    words = [line.partition(" |")[0] for line in told]
    assert words[:4] == ["0 model register", "0 model register", "0 store gc", "1 apply -f"]
    assert words[4:8] == ["StoreFull", "0 model delete", "0 store gc", "0 store verify"]
    assert words[8:] == [
        "0 model list",
        "0 status",
        *["1 " + w for w in ("model register", "store gc", "model delete")],
        "1 apply -f",
    ]
    assert (
        told[2].endswith("| 0 bytes freed")
        and "the disk is full: " in told[3]
        and "bytes are free (No space left on device)" in told[3]
    )
    assert int(told[6].split()[-3]) > 200_000 and told[7].endswith("the store is intact")
    for line in told[10:]:
        assert "Read-only file system; set LOCALMODEL_HOME to a folder" in line


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
