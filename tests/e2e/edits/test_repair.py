"""Children changed or removed by hand are put right without anybody's help."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from kube import Cluster, Namespace, eventually
from load import Load, ask, ask_if_reachable
from support import given


@pytest.fixture(scope="module")
def port_of_app(shared_namespace: Namespace, shared_port: int) -> int:
    """The port of the deployment `app` in the shared namespace."""
    shared_namespace.apply(given.lmd("app", shared_port, given.inline(given.script("app"))))
    shared_namespace.wait_ready("app")
    return shared_port


def settled(namespace: Namespace) -> None:
    """Wait until the deployment is as it should be, and says so."""

    def right() -> bool:
        found: list[dict[str, Any]] = namespace.find("deployments")
        spec = found[0]["spec"] if found else {}
        image = namespace.get("lmd", "app")["status"]["image"]
        return bool(
            spec
            and spec["replicas"] == 1
            and spec["template"]["spec"]["containers"][0]["image"] == image
            and len(namespace.pods("app")) == 1
        )

    eventually(right, "the Deployment is as it should be", 40)
    namespace.wait_ready("app")


def test_scaled_by_hand(shared_namespace: Namespace, port_of_app: int) -> None:
    with Load(port_of_app):
        shared_namespace.kubectl("scale", "deployment/app", "--replicas=3")
        settled(shared_namespace)


def test_image_edited_by_hand(shared_namespace: Namespace, port_of_app: int) -> None:
    with Load(port_of_app):
        shared_namespace.kubectl("set", "image", "deployment/app", "scoring=localmodel.dev/no-such-image:1")
        settled(shared_namespace)
    assert ask(port_of_app) == "app"


def test_deployment_deleted(shared_namespace: Namespace, port_of_app: int) -> None:
    with Load(port_of_app, lossless=False):  # what the status says meanwhile is judged when all tests are over
        shared_namespace.kubectl("delete", "deployment", "app")
        settled(shared_namespace)
    assert ask(port_of_app) == "app"


def test_only_pod_deleted(shared_namespace: Namespace, port_of_app: int) -> None:
    """It takes what comes until the pod in its place is ready."""
    (ended,) = shared_namespace.pods("app")
    with Load(port_of_app):
        shared_namespace.kubectl("delete", "pod", ended["metadata"]["name"])
        settled(shared_namespace)


def test_only_pod_deleted_in_an_edit(shared_namespace: Namespace, port_of_app: int) -> None:
    """The pod that takes its place for a moment is of the old revision, and clients keep a connection to it."""
    edited = given.lmd("app", port_of_app, given.inline(given.script("app")), env=[{"name": "EDIT", "value": "1"}])
    with Load(port_of_app, lossless=False) as load:
        shared_namespace.apply(edited)
        time.sleep(0.2)
        shared_namespace.kubectl("delete", "pod", "-l", "localmodel.dev/deployment=app", "--wait=false")
        number = shared_namespace.wait_ready("app")["status"]["revisions"]["serving"]
        ready = time.monotonic()

        def answers_since() -> set[int]:
            return {each.revision for each in load.asked if each.sent > ready and each.revision}

        eventually(lambda: number in answers_since(), "it answers")
        time.sleep(1)
    assert answers_since() == {number}


def service_changes(namespace: Namespace) -> list[str]:
    """The messages of the Events, which come after the changes that they tell of."""
    return [event["message"] for event in namespace.events("app") if event["reason"] == "ServiceChanged"]


def test_service_deleted(shared_namespace: Namespace, port_of_app: int) -> None:
    settled(shared_namespace)
    before = shared_namespace.get("services", "app")["metadata"]["uid"]
    with Load(port_of_app, lossless=False):
        shared_namespace.kubectl("delete", "service", "app")

        def anew() -> bool:
            return any(each["metadata"]["uid"] != before for each in shared_namespace.find("services"))

        eventually(anew, "the Service is there again")
        eventually(lambda: ask_if_reachable(port_of_app) == "app", "it answers again")
        shared_namespace.wait_ready("app")
    told = eventually(lambda: service_changes(shared_namespace), "the event")
    assert told == ["Service app: it has been deleted; the operator restores it"]


def test_service_edited_by_hand(shared_namespace: Namespace, port_of_app: int) -> None:
    """Without its labels, too, the operator hears of it."""
    settled(shared_namespace)
    nobody = {"metadata": {"labels": None}, "spec": {"selector": {"localmodel.dev/deployment": "nobody"}}}
    shared_namespace.kubectl("patch", "service", "app", "-p", json.dumps(nobody))

    def mended() -> bool:
        found = shared_namespace.get("services", "app")
        selector = found["spec"]["selector"]
        return bool(found["metadata"].get("labels") and selector == {"localmodel.dev/deployment": "app"})

    eventually(mended, "the Service is as it was")
    eventually(lambda: ask_if_reachable(port_of_app) == "app", "it answers again")
    shared_namespace.wait_ready("app")
    message = "Service app: its labels have been changed; the operator restores it"
    eventually(lambda: message in service_changes(shared_namespace), "the event")


def test_image_removed_from_the_nodes(shared_namespace: Namespace, port_of_app: int, cluster: Cluster) -> None:
    image = shared_namespace.get("lmd", "app")["status"]["image"]
    for node in cluster.nodes():
        cluster.remove_images(node, {image})
    (pod,) = shared_namespace.pods("app")
    shared_namespace.kubectl("delete", "pod", pod["metadata"]["name"], "--wait=false")
    # Ready is still the old one's for a moment: the pod's deletion has to reach the operator first
    old = pod["metadata"]["uid"]
    eventually(lambda: [new for new in shared_namespace.pods("app") if new["metadata"]["uid"] != old], "another pod")
    settled(shared_namespace)
    eventually(lambda: ask_if_reachable(port_of_app) == "app", "it answers again")
    for node in cluster.nodes():
        eventually(lambda node=node: image in cluster.images(node), f"the image is on {node} again", 30)  # type: ignore[misc]
