"""Keeps every version of every LocalModelDeployment that the API server ever shows."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kube import Cluster


class Recorder:
    """`kubectl get --watch` into a file."""

    def __init__(self, cluster: Cluster, path: Path) -> None:
        self._path = path
        with path.open("wb") as out:
            self._process = subprocess.Popen(
                cluster.command("get", "lmd", "--all-namespaces", "--watch", "-o", "json"),
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def seen(self) -> Iterator[dict[str, Any]]:
        """The versions so far, in the order in which they came."""
        assert self._process.poll() is None, f"the watch ended: {self._path.read_text()[-500:]}"
        text, decoder, position = self._path.read_text(), json.JSONDecoder(), 0
        while position < len(text):
            try:
                found, position = decoder.raw_decode(text, position)
            except json.JSONDecodeError:
                return  # the last one is still being written
            yield from found["items"] if found["kind"] == "List" else [found]
            while position < len(text) and text[position].isspace():
                position += 1
