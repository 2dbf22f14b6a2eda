"""More than one node: pods on each of them, and one address for all."""

from __future__ import annotations

from kube import Cluster, Namespace, eventually
from load import Load, ask_often
from support import given

SCRIPT = "import socket\n" + given.script("").replace("''", "socket.gethostname()")


def test_pods_on_every_node_answer(open_cluster: Cluster, namespace: Namespace, port: int) -> None:
    nodes = open_cluster.nodes()
    namespace.apply(given.lmd("app", port, given.inline(SCRIPT), replicas=2))
    image = namespace.wait_ready("app")["status"]["image"]
    pods = namespace.pods("app")
    assert {pod["spec"]["nodeName"] for pod in pods} == set(nodes)
    eventually(lambda: len(ask_often(port)) == 2, "the port leads to both, which its node learns after they are ready")
    assert sorted(ask_often(port, times=40)) == sorted(pod["metadata"]["name"] for pod in pods)
    for node in nodes:
        assert image in open_cluster.images(node)


def test_pod_on_a_node_without_the_port_answers(namespace: Namespace, cluster: Cluster, port: int) -> None:
    namespace.apply(given.lmd("app", port, given.inline(SCRIPT)))
    namespace.wait_ready("app")
    (pod,) = namespace.pods("app")
    assert pod["spec"]["nodeName"].endswith("worker"), "only the control plane's ports are mapped to localhost"
    assert ask_often(port) == [pod["metadata"]["name"]]


def test_image_lost_by_one_node_is_sent_again(open_cluster: Cluster, namespace: Namespace, port: int) -> None:
    namespace.apply(given.lmd("app", port, given.inline(SCRIPT)))
    image = namespace.wait_ready("app")["status"]["image"]
    (pod,) = namespace.pods("app")
    (other,) = set(open_cluster.nodes()) - {pod["spec"]["nodeName"]}
    open_cluster.remove_images(other, {image})
    with Load(port):
        namespace.kubectl("scale", "lmd/app", "--replicas=2")
        namespace.wait_ready("app")
        eventually(lambda: len(ask_often(port)) == 2, "both pods answer")
    assert image in open_cluster.images(other)
