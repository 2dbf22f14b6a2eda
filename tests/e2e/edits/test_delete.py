"""Deleting: at once, with or without an operator; and what nothing else uses goes from nodes and host."""

from __future__ import annotations

from collections.abc import Iterator

from kube import Cluster, Namespace, delete_at_once, eventually, take_port, wait_swept
from load import Load, ask
from operator_process import OperatorProcess
from support import given

CHILDREN = ("deployments", "services", "controllerrevisions", "replicasets", "pods")


def wait_children_gone(namespace: Namespace, name: str) -> None:
    def gone() -> bool:
        left = namespace.find(*CHILDREN)
        return not [each for each in left if each["metadata"]["name"].startswith(name)]

    eventually(gone, f"children of {name} gone", 120)


def test_delete_sweeps_what_nothing_else_uses(namespace: Namespace, cluster: Cluster, ports: Iterator[int]) -> None:
    port = take_port(cluster, ports)
    namespace.apply(given.lmd("stays", port, given.inline(given.script("stays"))))
    kept = namespace.wait_ready("stays")["status"]["image"]
    before = {node: cluster.images(node) for node in cluster.nodes()}
    namespace.apply(given.lmd("goes", take_port(cluster, ports), given.inline(given.script("goes"))))
    image = namespace.wait_ready("goes")["status"]["image"]
    with Load(port):
        delete_at_once(namespace, "goes")
        wait_children_gone(namespace, "goes")
        wait_swept(cluster, image, before)
    for node in cluster.nodes():
        assert kept in cluster.images(node)
    assert ask(port) == "stays"


def test_delete_without_an_operator(
    namespace: Namespace, cluster: Cluster, port: int, operator: OperatorProcess
) -> None:
    before = {node: cluster.images(node) for node in cluster.nodes()}
    namespace.apply(given.lmd("goes", port, given.inline(given.script("goes"))))
    image = namespace.wait_ready("goes")["status"]["image"]
    operator.stop()
    delete_at_once(namespace, "goes")
    wait_children_gone(namespace, "goes")
    operator.start()
    wait_swept(cluster, image, before)


def test_made_anew_under_the_same_name(namespace: Namespace, port: int) -> None:
    namespace.apply(given.lmd("again", port, given.inline(given.script("first"))))
    namespace.wait_ready("again")
    delete_at_once(namespace, "again")
    namespace.apply(given.lmd("again", port, given.inline(given.script("second"))))
    namespace.wait_ready("again")
    assert ask(port) == "second"
    assert [each["revision"] for each in namespace.revisions("again")] == [1]
