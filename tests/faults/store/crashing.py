"""Runs one command against a store and kills itself right before its n-th step on the file system.

As a server: reads `n` from standard input, forks a child that does the command, and prints `killed` or `done`.
Usage: crashing.py COMMAND STORE FILES, where FILES is the folder of what is registered and imported.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from localmodel import digests
from localmodel.oci.layout import Blob, Layout
from localmodel.resource.spec import EnvironmentSpec
from localmodel.store import ModelVersion, Store
from localmodel.store.sharing import sharing, transfer

STEPS = {
    *("write", "flush", "fsync", "close"),
    *("link", "rename", "replace", "unlink", "remove"),
    *("mkdir", "rmdir", "flock"),
}


class Elsewhere:
    """Stands for a registry: serves what another store has."""

    tag = "1"

    def __init__(self, store: Store, model: ModelVersion) -> None:
        self._layout = store.layout
        self._parcel = sharing.pack(store.layout, model)

    def manifest(self, tag: str) -> bytes:
        return self._parcel.manifest if tag == self.tag else self._parcel.record.manifest

    def receive(self, blob: Blob, tell: Callable[[int], None]) -> Iterator[bytes]:
        content = {digests.of_bytes(each): each for each in self._parcel.record.blobs}.get(blob.digest)
        content = self._layout.read(blob.digest) if content is None else content
        half = len(content) // 2
        yield from (content[:half], content[half:])


def pull(store: Store, files: Path) -> None:
    other = Store(files / "other")
    with store.models.records.writing():
        elsewhere: Any = Elsewhere(other, other.models.get("far"))
        transfer.pull(Layout(store.root), store._receiver, elsewhere, None, None, None)


COMMANDS: dict[str, Callable[[Store, Path], object]] = {
    "register": lambda store, files: store.models.register("m", files / "net", tags={"area": "new"}),
    "register the first": lambda store, files: store.models.register("first", files / "net"),
    "register an environment": lambda store, files: store.environments.register("e", EnvironmentSpec("3.12")),
    "register code": lambda store, files: store.code.register("c", {"score.py": b"def run(): ..."}, "score.py"),
    "update": lambda store, files: store.models.update("m", 1, tags={"area": "changed"}, properties={"new": "1"}),
    "alias": lambda store, files: store.models.set_alias("m", "champion", 2),
    "remove alias": lambda store, files: store.models.aliases("m") and store.models.remove_alias("m", "champion"),
    "delete": lambda store, files: 2 in store.models.versions("m") and store.models.delete("m", 2),
    "gc": lambda store, files: store.collect_garbage(),
    "pull": pull,
    "import": lambda store, files: store.import_from(files / "models.tar"),
}


def _kill_at(number: int) -> Callable[[FrameType, str, Any], None]:
    left = number

    def on_event(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal left
        if event == "c_call" and argument.__name__ in STEPS:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return on_event


def main(command: str, root: str, files: str) -> None:
    for line in sys.stdin:
        child = os.fork()
        if not child:
            sys.setprofile(_kill_at(int(line)))
            COMMANDS[command](Store(Path(root)), Path(files))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print("killed" if os.WIFSIGNALED(status) else "done" if status == 0 else f"failed {status}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
