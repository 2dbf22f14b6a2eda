"""A command in a node whose engine keeps quiet, over a real socket; the engine's part is played here.

A real one leaves a connection like this only now and then, when a command ends while it is still being sent something.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import docker
import pytest

from localmodel.engine import nodes
from localmodel.engine.nodes import Node, NodeError

NODE = Node(id="1", name="one", ports=(), paused=False)
MEGABYTES = [bytes(1 << 20)] * 20


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, engines = socket.socketpair()
    with ours, engines:
        yield ours, engines


def client(ours: socket.socket, running: bool) -> docker.DockerClient:
    api = SimpleNamespace(
        exec_create=lambda *_, **__: {"Id": "x"},
        exec_start=lambda *_, **__: SimpleNamespace(_sock=ours, close=lambda: None),
        exec_inspect=lambda _: {"Running": running, "ExitCode": None if running else 1},
    )
    return cast(docker.DockerClient, SimpleNamespace(api=api))


def test_a_command_that_has_ended_is_not_waited_for_and_its_words_are_kept(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "_LOOKED_AFTER", 0.1)
    ours, engines = ends
    engines.sendall(struct.pack(">BxxxL", 2, 7) + b"enough\n")
    began = time.monotonic()
    with pytest.raises(NodeError, match=r"exit code 1: enough"):
        nodes.execute(client(ours, running=False), NODE, ["sh", "-c", ""], MEGABYTES, silence=60)
    assert time.monotonic() - began < 30


def test_a_command_that_still_runs_is_waited_for(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "_LOOKED_AFTER", 0.1)
    with pytest.raises(NodeError, match=r"nothing happened for 0\.3 s"):
        nodes.execute(client(ends[0], running=True), NODE, ["sh", "-c", ""], MEGABYTES, silence=0.3)
