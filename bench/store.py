"""Registering a big model, beside copying it and hashing it with the usual tools; and listing 10,000 versions.

Each round has the tools and us in turn on the same file; the best round of each counts, as other work on the machine
only ever slows one down. A registration has flushed its bytes to the disk, so the copy is flushed too.

usage: bench/store.py [--megabytes 2048] [--rounds 3] [--folder a folder on the disk to measure]
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from localmodel.store import Store

CHILD = """
import sys, time
from pathlib import Path
from localmodel.store import Store
def peak():  # of this program alone: ru_maxrss begins with what the program had that started it
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024
store = Store(Path(sys.argv[1]))
before, started = peak(), time.perf_counter()
store.models.register("big", Path(sys.argv[2]))
print(time.perf_counter() - started, peak() - before)
"""
VERSIONS = 10_000


def timed(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def copy(source: Path, target: Path) -> None:
    run("cp", source, target)
    run("sync", target)


def register(folder: Path, source: Path) -> tuple[float, float]:
    """The seconds of a registration, and its MiB of memory beyond Python and its imports."""
    command = [sys.executable, "-c", CHILD, str(folder / "store"), str(source)]
    seconds, memory = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    shutil.rmtree(folder / "store")
    return float(seconds), float(memory)


def big(folder: Path, megabytes: int, rounds: int) -> None:
    source, copied = folder / "model.bin", folder / "copy.bin"
    with source.open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1 << 20))
    run("sync", source)
    hashing = ["openssl", "dgst", "-sha256"] if shutil.which("openssl") else ["sha256sum"]
    copies, hashes, registers, memories = [], [], [], []
    for _ in range(rounds):
        copies.append(timed(lambda: copy(source, copied)))
        copied.unlink()
        hashes.append(timed(lambda: run(*hashing, source)))
        seconds, memory = register(folder, source)
        registers.append(seconds)
        memories.append(memory)
    ours, theirs = min(registers), min(copies) + min(hashes)
    print(f"{megabytes} MiB: cp {min(copies):.2f} s, {hashing[0]} {min(hashes):.2f} s, register {ours:.2f} s")
    print(f"peak memory beyond the imports: {max(memories):.0f} MiB")
    print(f"ratio register-to-copy-and-hash {ours / theirs:.2f}")


def many(folder: Path) -> None:
    store = Store(folder / "home" / "store")
    (folder / "m.bin").write_text("weights")
    store.models.register("m", folder / "m.bin", tags={"area": "diabetes"})
    record = json.loads((store.root / "models" / "m" / "1.json").read_bytes())
    for number in range(VERSIONS - 1):
        name = f"model-{number // 5}"
        path = store.root / "models" / name / f"{number % 5 + 1}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({**record, "name": name, "version": number % 5 + 1}))
    library = min(timed(store.models.list) for _ in range(3))
    lmd = [str(Path(sys.executable).with_name("lmd")), "model", "list"]
    environment = {**os.environ, "LOCALMODEL_HOME": str(folder / "home")}
    command = min(
        timed(lambda: subprocess.run(lmd, env=environment, check=True, stdout=subprocess.DEVNULL)) for _ in range(3)
    )
    print(f"{VERSIONS} versions: listed in {library:.2f} s, by `lmd model list` in {command:.2f} s")
    print(f"ratio listing-ten-thousand-to-a-second {command:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        big(Path(folder), options.megabytes, options.rounds)
        many(Path(folder))


if __name__ == "__main__":
    main()
