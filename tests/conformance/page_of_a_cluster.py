"""The page of a cluster that is not there, for the browser: its words are long, and it says more with each look."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import cast

import uvicorn
from selenium import webdriver

from localmodel.targets.cluster_view import ClusterCondition, ClusterEvent, ClusterPod, ClusterTrial, ClusterView
from localmodel.targets.target import DeploymentStatus, Target
from localmodel.ui import app
from localmodel.ui.access import Access

LONG = "name-of-sixty-three-letters-that-a-cluster-may-give-to-a-thing"


class Cluster:
    """A cluster with one deployment, of which it says more with each look, in long words."""

    name = "kind"

    def __init__(self) -> None:
        self.looks = 0

    def get(self, name: str) -> DeploymentStatus:
        return DeploymentStatus(name, True, 7, f"http://{name}.{LONG}.svc/score", "")

    def in_cluster(self, name: str) -> ClusterView:
        self.looks += 1
        now = "2026-01-01T00:00:00Z"
        conditions = [ClusterCondition(kind, True, LONG, f"{LONG} {self.looks}") for kind in ("Ready", LONG)]
        pods = [ClusterPod(f"{name}-{LONG}-{number}", LONG, "ready", self.looks, now) for number in range(3)]
        event = ClusterEvent(now, f"Pod {LONG}", True, LONG, f"{LONG} /{LONG}/{LONG}", self.looks)
        return ClusterView(conditions, pods, [event] * 9, [f"nodes: {LONG}"], ClusterTrial(8, True, 10, 1, 31, 0, 4))


@contextmanager
def at_cluster(browser: webdriver.Chrome) -> Iterator[None]:
    """The page of that cluster, in the browser."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # before the server does
        access = Access(listener.getsockname()[1], False)
        server = uvicorn.Server(uvicorn.Config(app.make(cast(Target, Cluster()), access), log_level="warning"))
        thread = Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            browser.get(access.address("/deployments/digits/cluster"))
            yield
        finally:
            server.should_exit = True
            browser.get("about:blank")
            thread.join()
