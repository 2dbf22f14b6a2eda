"""More connections than a server has threads, workers, or descriptors."""

from __future__ import annotations

import os
import resource
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fault_scripts import ECHO
from support.server.scoring_server_process import ScoringServer, eventually, write_script
from wire import Wire, post

MANY = 2000


@pytest.fixture(autouse=True)
def descriptors() -> Iterator[None]:
    """Room for the sockets of this side."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def with_soft_limit(folder: Path, soft: int, hard: int | str) -> str:
    """A Python with so many descriptors."""
    starter = folder / "python"
    starter.write_text(f'#!/bin/bash\nulimit -S -n {soft}; ulimit -H -n {hard}; exec "{sys.executable}" "$@"\n')
    starter.chmod(0o755)
    return str(starter)


def start(folder: Path, soft: int = 1024, hard: int | str = "hard") -> ScoringServer:
    variables = write_script(folder / "app", ECHO)
    return ScoringServer(folder, variables, python=with_soft_limit(folder, soft, hard)).wait_until_ready()


def test_all_that_come_at_once_are_answered(tmp_path: Path) -> None:
    with start(tmp_path) as server:
        wires = [Wire(server) for _ in range(MANY)]
        try:
            for number, wire in enumerate(wires):
                wire.send(post([number]))
            for number, wire in enumerate(wires):
                reply = wire.answer()
                assert (reply.status, reply.json) == (200, [number])
        finally:
            for wire in wires:
                wire.socket.close()


def test_connections_that_open_at_once_are_all_accepted(tmp_path: Path) -> None:
    """Sockets that do not wait for each other's handshake, as from many clients."""
    with start(tmp_path) as server:
        sockets = [socket.socket() for _ in range(MANY)]
        try:
            for each in sockets:
                each.setblocking(False)
                each.connect_ex(("127.0.0.1", server.port))
            for number, each in enumerate(sockets):
                each.settimeout(60)
                each.sendall(post([number]))
            assert all(each.recv(12) == b"HTTP/1.1 200" for each in sockets)
        finally:
            for each in sockets:
                each.close()


def test_idle_connections_hold_nobody_up(tmp_path: Path) -> None:
    with start(tmp_path) as server:
        wires = [Wire(server) for _ in range(MANY)]
        try:
            for wire in wires[::2]:
                wire.send(post([]))
            for wire in wires[::2]:
                assert wire.answer().status == 200
            with ThreadPoolExecutor(8) as executor:
                times = list(executor.map(lambda _: timed(server), range(200)))
            assert max(times) < 15
            assert wires[0].send(post([1])).answer().json == [1]
            assert wires[1].send(post([2])).answer().json == [2]
        finally:
            for wire in wires:
                wire.socket.close()


def timed(server: ScoringServer) -> float:
    started = time.monotonic()
    assert server.score([]).status == 200
    return time.monotonic() - started


def test_without_descriptors_open_connections_go_on_and_new_ones_come_back(tmp_path: Path) -> None:
    with start(tmp_path, 120, 120) as server, Wire(server) as first:
        assert first.send(post([1])).answer().json == [1]
        wires = [Wire(server) for _ in range(200)]
        time.sleep(0.3)
        assert first.send(post([2])).answer().json == [2]
        used = cpu_seconds(server)
        time.sleep(0.5)
        assert cpu_seconds(server) - used < 0.25, "it does not spin"
        for wire in wires:
            wire.socket.close()
        eventually(lambda: answers(server), server)
        assert first.send(post([3])).answer().json == [3]


def answers(server: ScoringServer) -> bool:
    try:
        return server.score([]).status == 200
    except (OSError, ConnectionError):
        return False


def cpu_seconds(server: ScoringServer) -> float:
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
