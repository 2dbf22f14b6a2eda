"""Keeps every version of every LocalModelDeployment, and of its pods, that the API server ever shows."""

from __future__ import annotations

import contextlib
import fcntl
import json
import pickle
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import load
from kube import Cluster
from support.operator.timeline import Asked, PodVersion, Version

_RESOURCES = "/apis/localmodel.dev/v1alpha1/localmodeldeployments"
_PODS = "/api/v1/pods"
_OF_OURS = "&labelSelector=localmodel.dev/deployment"
_PAUSE = 0.5  # seconds before a watch that has ended is taken up again


@dataclass(frozen=True)
class Recording:
    """What one process has seen of its cluster: the resources and their pods, answers by port, the operator's log."""

    resources: list[Version]
    pods: list[PodVersion]
    asked: dict[int, list[Asked]]
    log: str


def read(file: Path) -> Recording:
    """Read the recording of another process, as soon as that has run its last test."""
    with file.open("rb") as content:
        fcntl.flock(content, fcntl.LOCK_SH)
        recording: Recording = pickle.load(content)
    return recording


class Recorder:
    """Two watches, each in a thread. One that ends, as when the API server goes, is taken up where it was."""

    def __init__(self, cluster: Cluster, log: Path) -> None:
        self._cluster, self._log = cluster, log
        self.resources: list[Version] = []
        self.pods: list[PodVersion] = []
        self.gaps: list[int] = []  # resourceVersions from which on a watch began anew: what came before is incomplete
        self._stopped = threading.Event()
        self._watches: dict[str, subprocess.Popen[bytes]] = {}
        watched = ((_RESOURCES, "", self._keep_resource), (_PODS, _OF_OURS, self._keep_pod))
        self._threads = [threading.Thread(target=self._watch, args=each, daemon=True) for each in watched]

    @contextlib.contextmanager
    def until_saved(self, file: Path) -> Iterator[None]:
        """Record while the block runs; others find the file locked until it has the recording."""
        with file.open("wb") as output:
            fcntl.flock(output, fcntl.LOCK_EX)
            for thread in self._threads:
                thread.start()
            try:
                yield
            finally:
                self._stop()
                pickle.dump(self.recording(), output)

    def recording(self) -> Recording:
        """What there is so far."""
        return Recording(self.resources, self.pods, load.noted, self._log.read_text(errors="replace"))

    def _stop(self) -> None:
        self._stopped.set()
        for watch in list(self._watches.values()):
            watch.kill()
        for thread in self._threads:
            thread.join()

    def _watch(self, path: str, query: str, keep: Any) -> None:
        last = 0
        while not self._stopped.is_set():
            question = f"{path}?watch=1&allowWatchBookmarks=true{query}" + (f"&resourceVersion={last}" if last else "")
            command = self._cluster.command("get", "--raw", question)
            watch = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            self._watches[path] = watch
            assert watch.stdout
            for line in watch.stdout:
                event = json.loads(line)
                if event["type"] == "ERROR":  # too old: begin anew
                    last = 0
                    self.gaps.append(max((each.number for each in self.resources), default=0))
                    break
                last = int(event["object"]["metadata"]["resourceVersion"])
                if event["type"] != "BOOKMARK":
                    keep(event["type"] == "DELETED", event["object"])
            watch.kill()
            watch.wait()
            watch.stdout.close()
            self._stopped.wait(_PAUSE)

    def _keep_resource(self, deleted: bool, found: Mapping[str, Any]) -> None:
        self.resources.append(Version(time.monotonic(), deleted, found))

    def _keep_pod(self, deleted: bool, found: Mapping[str, Any]) -> None:
        metadata = found["metadata"]
        revision = int(metadata["labels"].get("localmodel.dev/revision", 0))
        ended = found.get("status", {}).get("phase") in ("Failed", "Succeeded")
        going = deleted or ended or "deletionTimestamp" in metadata
        owner = (metadata["namespace"], metadata["labels"]["localmodel.dev/deployment"])
        conditions = found.get("status", {}).get("conditions", [])
        ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
        number = int(metadata["resourceVersion"])
        self.pods.append(PodVersion(number, owner, metadata["uid"], revision, going, ready, time.monotonic()))
