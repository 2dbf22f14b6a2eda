"""Keeps every version of every LocalModelDeployment that the API server ever shows."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kube import Cluster


class Recorder:
    """`kubectl get --watch` into files below `folder`."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._cluster, self._folder = cluster, folder
        self._watches: list[tuple[Path, subprocess.Popen[bytes]]] = []

    def start(self) -> None:
        """Watch, from now on; once more after the API server was away."""
        self.stop()
        path = self._folder / f"recorded-{len(self._watches)}.json"
        with path.open("wb") as out:
            watch = subprocess.Popen(
                self._cluster.command("get", "lmd", "--all-namespaces", "--watch", "-o", "json"),
                stdout=out,
                stderr=subprocess.DEVNULL,
            )
        self._watches.append((path, watch))

    def stop(self) -> None:
        for _, watch in self._watches:
            watch.kill()
            watch.wait()

    def seen(self) -> Iterator[dict[str, Any]]:
        """The versions so far, in the order in which they came."""
        assert self._watches[-1][1].poll() is None, "the watch has ended, and nobody started another"
        for path, _ in self._watches:
            for found in _objects(path.read_text()):
                yield from found["items"] if found["kind"] == "List" else [found]


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """One after the other; the last may be incomplete."""
    decoder, position = json.JSONDecoder(), 0
    while position < len(text):
        try:
            found, position = decoder.raw_decode(text, position)
        except json.JSONDecodeError:
            return
        yield found
        while position < len(text) and text[position].isspace():
            position += 1
