"""Ports that nobody asked for by number, and pods that run where and as the spec says."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from app import App
from kube import Cluster, Namespace
from load import Load, ask
from support import given

# What pods see of a claim, and of the API server
SCRIPT = """
import os
from pathlib import Path

CLAIM, TOKEN = Path("/data/version"), Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


def init():
    pass


def run(raw_data):
    return [CLAIM.is_file() and CLAIM.read_text() != "", os.access("/data", os.W_OK), TOKEN.is_file()]
"""


def without_port(name: str, **fields: Any) -> given.Object:
    manifest = given.lmd(name, 0, given.inline(SCRIPT), **fields)
    del manifest["spec"]["service"]
    return manifest


@pytest.fixture(scope="module")
def app(shared_namespace: Namespace) -> App:
    manifest = without_port("app")
    shared_namespace.apply(manifest, without_port("second", replicas=0))
    found = shared_namespace.wait_ready("app")
    return App(shared_namespace, manifest, found["status"]["localPort"])


@pytest.fixture
def claim(cluster: Cluster, shared_namespace: Namespace) -> Iterator[str]:
    """A claim for a folder of the node that has a file in it."""
    name, size = shared_namespace.name, {"storage": "1Mi"}
    common = {"accessModes": ["ReadOnlyMany"], "storageClassName": ""}
    volume = {**common, "capacity": size, "hostPath": {"path": "/kind"}}
    claimed = {**common, "resources": {"requests": size}, "volumeName": name}
    shared_namespace.apply(
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": volume},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": claimed},
    )
    yield "data"
    cluster.kubectl("delete", "persistentvolume", name, "--wait=false")


def test_each_is_allocated_a_port_of_its_own_and_who_asks_for_it_later_is_told(app: App) -> None:
    second = app.namespace.wait_ready("second")["status"]["localPort"]
    assert ask(app.port) == [False, False, False] and second != app.port
    app.namespace.apply(given.lmd("later", app.port, given.inline(SCRIPT), replicas=0))
    stalled = app.namespace.wait_condition("later", "Stalled", "True", "PortTaken")
    assert f"{app.port} is taken by Service {app.namespace.name}/app; free are: " in stalled["message"]
    assert str(second) not in stalled["message"].partition("free are: ")[2]
    app.edit(service={"localPort": app.port})
    app.edit(service={})
    assert app.namespace.wait_ready("app")["status"]["localPort"] == app.port


def test_no_node_gets_the_image_before_a_pod_is_wanted(app: App, cluster: Cluster) -> None:
    space = app.namespace
    second = space.wait_ready("second")["status"]
    assert not any(second["image"] in cluster.images(node) for node in cluster.nodes())
    assert space.condition("second", "ImageDelivered")["reason"] == "ScaledToZero"
    space.kubectl("scale", "lmd/second", "--replicas=1")
    assert space.wait_ready("second")["status"]["image"] == second["image"]
    assert ask(second["localPort"]) == [False, False, False]


def test_an_edit_of_where_pods_run_rolls_and_loses_no_request(app: App, claim: str, cluster: Cluster) -> None:
    numbers, node = app.numbers(), cluster.nodes()[-1]
    pod = {
        "nodeSelector": {"kubernetes.io/hostname": node},
        "tolerations": [{"operator": "Exists"}],
        "labels": {"team": "a"},
        "serviceAccountName": "default",
        "volumes": [{"mountPath": "/data", "persistentVolumeClaim": {"claimName": claim}}],
    }
    with Load(app.port):
        app.edit(pod=pod)
        app.namespace.wait_ready(app.name)
        assert ask(app.port) == [True, False, True]
        (placed,) = app.namespace.pods(app.name)
        assert (placed["spec"]["nodeName"], placed["metadata"]["labels"]["team"]) == (node, "a")
        app.edit(pod={})
        app.namespace.wait_ready(app.name)
        assert ask(app.port) == [False, False, False]
    assert app.numbers() == numbers
    assert not {"nodeSelector", "tolerations", "serviceAccountName"} & set(app.template()["spec"])


def test_a_pod_that_ends_answers_those_who_have_not_noticed(app: App) -> None:
    """As an Ingress controller that is late: here the API server, which leads to a pod as long as it exists."""
    (pod,) = app.namespace.pods(app.name)
    path = f"/api/v1/namespaces/{app.namespace.name}/pods/{pod['metadata']['name']}:5001/proxy/swagger.json"
    app.namespace.kubectl("delete", "pod", pod["metadata"]["name"], "--wait=false")
    late = time.monotonic() + 12
    while time.monotonic() < late:
        assert app.namespace.cluster.read(path)["swagger"]
        time.sleep(0.1)
    app.namespace.kubectl("wait", "--for=delete", f"pod/{pod['metadata']['name']}", "--timeout=60s")
    app.namespace.kubectl("wait", "--for=condition=Available", "deployment/app", "--timeout=120s")


def test_what_the_api_server_refuses_of_it_is_told_in_its_words(app: App) -> None:
    term = {"labelSelector": {}, "topologyKey": "no valid key"}
    app.edit(pod={"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}})
    stalled = app.namespace.wait_condition(app.name, "Stalled", "True", "DeploymentRefused")
    assert "topologyKey" in stalled["message"] and ask(app.port) == [False, False, False]
