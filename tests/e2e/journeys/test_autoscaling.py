"""An autoscaler that goes by what metrics-server measures: from one pod to three and back, with an edit between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import metrics_server
import pytest
from kube import Cluster, Namespace, eventually
from load import Load, ask
from operator_process import OperatorProcess
from support import given

SCRIPT = """
import json
import time


def init():
    pass


def run(raw_data):
    until = time.process_time() + json.loads(raw_data)
    while time.process_time() < until:
        pass
    return "first"
"""
BUSY, IDLE = 0.03, 0.0  # seconds of a processor, for each request
SCALING = {"autoscaling": {"max": 3, "cpu": 100}, "resources": {"requests": {"cpu": "100m"}}}
# By itself it waits for five minutes before it ends a pod.
AT_ONCE = {"spec": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}}}


@pytest.fixture(autouse=True)
def measured(cluster: Cluster, tmp_path: Path) -> Iterator[None]:
    with metrics_server.running(cluster, tmp_path / "metrics-server"):
        yield


def test_one_becomes_three_and_one_again_and_nothing_is_lost(
    namespace: Namespace, port: int, operator: OperatorProcess
) -> None:
    manifest = given.lmd("app", port, given.inline(SCRIPT), **SCALING)
    namespace.apply(manifest)
    namespace.wait_ready("app", 200)
    namespace.kubectl("patch", "hpa", "app", "--type=merge", "--patch", json.dumps(AT_ONCE))
    with Load(port, BUSY):
        eventually(lambda: namespace.replicas("app")[0] == 3, "the autoscaler wants three pods", 120)
        namespace.apply(given.with_fields(manifest, scoring=given.inline(SCRIPT.replace("first", "second"))))
        eventually(lambda: namespace.serving("app") == 2, "the edit serves", 120)
        assert ask(port, IDLE) == "second"
        eventually(lambda: namespace.replicas("app") == (3, 3), "three pods are ready", 120)
    with Load(port, IDLE, per_second=4):
        eventually(lambda: namespace.replicas("app") == (1, 1), "the autoscaler wants one pod", 120)
        eventually(lambda: len(namespace.pods("app")) == 1, "the other two have ended", 120)
    scaler = json.loads(namespace.kubectl("get", "hpa", "app", "-o", "json"))
    assert scaler["spec"]["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 0, "others' fields stay"
    namespace.kubectl("wait", "--for=condition=Durable", "lmd/app", "--timeout=120s")
