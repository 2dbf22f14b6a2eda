"""A node that joins later, is made anew, loses its images, stands still or hangs: each gets what it lacks, and none

holds up the others. They happen to a node of their own, which takes pods only where a test puts them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from extra_node import ExtraNode
from kube import Cluster, Namespace, eventually
from load import Load, ask_often
from support import given


@pytest.fixture(scope="module")
def extra(cluster: Cluster) -> Iterator[ExtraNode]:
    """The node, which has joined while the operator runs."""
    node = ExtraNode(cluster)
    node.remove()
    try:
        node.join()
        yield node
    finally:
        node.remove()


def image_of(namespace: Namespace) -> str:
    """The image of what serves, once pods are started with it."""
    namespace.wait_ready("app")
    namespace.kubectl("wait", "--for=condition=Durable", "lmd/app", "--timeout=60s")
    image: str = namespace.get("lmd", "app")["status"]["image"]
    return image


def everywhere(cluster: Cluster, namespace: Namespace, image: str, seconds: float = 60) -> None:
    """Wait until every node has the image, and the status says so."""
    for node in cluster.nodes():
        eventually(lambda node=node: image in cluster.images(node), f"{image} on {node}", seconds)  # type: ignore[misc]
    namespace.wait_condition("app", "ImageDelivered", "True", "Delivered", 30)


def edit(namespace: Namespace, port: int, answer: str, **fields: object) -> None:
    namespace.apply(given.lmd("app", port, given.inline(given.script(answer)), **fields))


def starts(namespace: Namespace, node: str, image: str) -> bool:
    """Whether a container of the image starts on that node, from what the node has."""
    container = {
        "name": "probe",
        "image": image,
        "imagePullPolicy": "Never",
        "command": ["/opt/localmodel/venv/bin/python", "-c", "print('started')"],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    security = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {"nodeName": node, "restartPolicy": "Never", "containers": [container], "securityContext": security}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe"}, "spec": spec}
    namespace.kubectl("apply", "-f", "-", given=json.dumps(pod))
    namespace.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/probe", "--timeout=60s")
    return "started" in namespace.kubectl("logs", "probe")


def test_node_that_joins_gets_the_image(
    cluster: Cluster, namespace: Namespace, port: int, request: pytest.FixtureRequest
) -> None:
    edit(namespace, port, "one")
    image = image_of(namespace)
    with Load(port):
        extra: ExtraNode = request.getfixturevalue("extra")
        everywhere(cluster, namespace, image)
    assert starts(namespace, extra.name, image)


def test_node_made_anew_gets_the_image(cluster: Cluster, namespace: Namespace, port: int, extra: ExtraNode) -> None:
    edit(namespace, port, "one")
    image = image_of(namespace)
    everywhere(cluster, namespace, image)
    extra.remove()
    edit(namespace, port, "two")
    assert image_of(namespace) != image
    extra.join()
    everywhere(cluster, namespace, image_of(namespace))


def test_pruned_node_gets_the_image_again(cluster: Cluster, namespace: Namespace, port: int, extra: ExtraNode) -> None:
    edit(namespace, port, "one")
    image = image_of(namespace)
    everywhere(cluster, namespace, image)
    ours = {name for name in cluster.images(extra.name) if name.startswith("localmodel.dev/")}
    cluster.remove_images(extra.name, {*ours, *(name for name in cluster.images(extra.name) if name[:7] == "sha256:")})
    edit(namespace, port, "two")
    # of the one before, the node has no layer any more, whatever the operator believes
    everywhere(cluster, namespace, image_of(namespace))
    assert ask_often(port) == ["two"]


def test_paused_node_holds_nobody_up(cluster: Cluster, namespace: Namespace, port: int, extra: ExtraNode) -> None:
    edit(namespace, port, "one")
    everywhere(cluster, namespace, image_of(namespace))
    with Load(port):
        with extra.paused():
            edit(namespace, port, "two", revisionHistoryLimit=1)
            image = image_of(namespace)
            assert ask_often(port, times=3) == ["two"]
            told = namespace.wait_condition("app", "ImageDelivered", "False", "DeliveryFailed")
            assert told["message"] == (
                f"delivered to 2 of 3 nodes; {extra.name}: it is paused (docker unpause {extra.name})"
            )
            # what is swept meanwhile is swept on the others
            edit(namespace, port, "three", revisionHistoryLimit=1)
            namespace.wait_ready("app")
        everywhere(cluster, namespace, image_of(namespace), 120)
    assert image_of(namespace) != image


def test_node_that_hangs_holds_nobody_up(cluster: Cluster, namespace: Namespace, port: int, extra: ExtraNode) -> None:
    edit(namespace, port, "one")
    everywhere(cluster, namespace, image_of(namespace))
    with Load(port):
        with extra.hanging():
            edit(namespace, port, "two")
            image_of(namespace)
            assert extra.name in namespace.wait_condition("app", "ImageDelivered", "False", "Delivering")["message"]
        everywhere(cluster, namespace, image_of(namespace), 120)


def test_images_are_swept_from_every_node(cluster: Cluster, namespace: Namespace, port: int, extra: ExtraNode) -> None:
    images = []
    for answer in ("one", "two", "three"):
        edit(namespace, port, answer, revisionHistoryLimit=1)
        images.append(image_of(namespace))
        everywhere(cluster, namespace, images[-1])
    for node in cluster.nodes():
        eventually(lambda node=node: images[0] not in cluster.images(node), f"the first is gone from {node}", 60)  # type: ignore[misc]
        assert set(images[1:]) <= cluster.images(node), "the limit keeps one besides the one that serves"
