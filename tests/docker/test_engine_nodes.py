"""Commands in a node's container: what they print, how they fail, and that none is waited for for ever."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from localmodel.engine import nodes
from localmodel.engine.nodes import Node, NodeError

PYTHON = "python:3.11-slim"


@pytest.fixture(scope="module")
def container(engine: Any) -> Iterator[Any]:
    """A container that looks like the node of a cluster."""
    cluster = f"test-{uuid.uuid4().hex[:8]}"
    labels = {nodes.CLUSTER_LABEL: cluster, nodes.ROLE_LABEL: "worker"}
    made = engine.containers.run(
        PYTHON, ["sleep", "3600"], labels=labels, detach=True, init=True, name=f"{cluster}-worker"
    )
    yield made
    made.remove(force=True)


@pytest.fixture
def node(engine: Any, container: Any) -> Node:
    (found,) = nodes.nodes(engine, container.labels[nodes.CLUSTER_LABEL])
    return found


def sh(engine: Any, node: Node, command: str, *stdin: bytes, silence: float = 20) -> str:
    return nodes.execute(engine, node, ["sh", "-c", command], stdin, silence)


def test_what_it_prints_comes_back(engine: Any, node: Node) -> None:
    assert sh(engine, node, "echo out; echo err >&2") in ("out\nerr\n", "err\nout\n")
    assert len(sh(engine, node, "head -c 3000000 /dev/zero")) == 3_000_000


def test_it_reads_what_it_is_given(engine: Any, node: Node) -> None:
    assert sh(engine, node, "wc -c", *[bytes(1 << 20)] * 5).strip() == str(5 << 20)


def test_one_that_fails_says_why(engine: Any, node: Node) -> None:
    with pytest.raises(NodeError, match=r"exit code 3: no space left"):
        sh(engine, node, "echo no space left; exit 3")


def test_equal_failures_read_equal(engine: Any, node: Node) -> None:
    noise = "$(date +%N)"
    failing = f'echo slow; echo time=\\"{noise}\\" level=fatal: no layer extract-{noise}-x sha256:1; exit 1'
    said = set()
    for _ in range(2):
        with pytest.raises(NodeError) as caught:
            sh(engine, node, failing)
        said.add(str(caught.value))
    assert len(said) == 1
    assert said.pop().endswith("exit code 1: level=fatal: no layer sha256:1")


def test_one_that_ends_early_says_why(engine: Any, node: Node) -> None:
    with pytest.raises(NodeError, match=r"exit code 1: enough"):
        sh(engine, node, "head -c 10 >/dev/null; echo enough; exit 1", *[bytes(1 << 20)] * 20)


@pytest.mark.parametrize("command", ["sleep 60", "sleep 60 <&-"], ids=["silent", "not reading"])
def test_one_that_does_nothing_is_given_up(engine: Any, node: Node, command: str) -> None:
    began = time.monotonic()
    with pytest.raises(NodeError, match=r"nothing happened for 0.5 s"):
        sh(engine, node, command, *[bytes(1 << 20)] * 20, silence=0.5)
    assert time.monotonic() - began < 40


def test_a_paused_node_is_called_so(engine: Any, node: Node, container: Any) -> None:
    container.pause()
    try:
        (found,) = nodes.nodes(engine, container.labels[nodes.CLUSTER_LABEL])
        with pytest.raises(NodeError, match=rf"it is paused \(docker unpause {container.name}\)"):
            sh(engine, found, "true")
        # it was paused a moment after it was listed
        with pytest.raises(NodeError, match="paused"):
            sh(engine, node, "true")
    finally:
        container.unpause()


def test_a_node_that_is_gone_is_an_error_of_the_node(engine: Any, node: Node) -> None:
    with pytest.raises(NodeError, match="No such container"):
        sh(engine, Node("0" * 64, "gone", ()), "true")
