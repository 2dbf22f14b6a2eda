"""The address: free, held, allocated, kept, moved."""

import os
import signal
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.lmd_command import Lmd, answers, ask, script

from localmodel.targets import ports


def test_a_port_that_is_named_and_held_is_refused_and_the_deployment_stays(lmd: Lmd) -> None:
    assert lmd.apply(script("0")).code == 0
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", lmd.port + 1))
        other.listen()
        result = lmd.apply(script("1"), service={"localPort": lmd.port + 1})
        name = Path("/proc/self/comm").read_text().strip()
        held = f"spec.service.localPort {lmd.port + 1} is held by {name} (process {os.getpid()})"
        assert result.code == 1 and f"error: {held}; name another one, or none" in result.err
        assert lmd.ask().body == 0


def test_no_connection_of_a_client_takes_a_spare_port_before_its_server_does() -> None:
    given_to_clients = Path("/proc/sys/net/ipv4/ip_local_port_range")
    if not given_to_clients.exists():
        pytest.skip("this system does not tell which ports it gives to clients")
    first, last = map(int, given_to_clients.read_text().split())
    found = {ports.spare() for _ in range(20)}
    assert len(found) > 1 and not [port for port in found if first <= port <= last]


def test_a_changed_port_moves_the_deployment(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    result = lmd.apply(script("1"), service={"localPort": lmd.port + 1})
    assert f"http://localhost:{lmd.port + 1}/score" in result.out
    assert ask(lmd.port + 1).body == 1
    assert not answers(lmd.port)


def test_a_move_that_fails_leaves_the_old_address_serving(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    result = lmd.apply("def init(): 1 / 0\ndef run(raw_data): pass\n", service={"localPort": lmd.port + 1})
    assert result.code == 1 and "score.py:1: ZeroDivisionError" in result.err
    assert lmd.ask() == (200, 1, 1)
    assert not answers(lmd.port + 1)
    assert (lmd.status()["ready"], lmd.status()["stalled"], lmd.status()["durable"]) == (False, True, 1)
    waited = lmd("wait", "digits", "--timeout", "60")
    assert waited.code == 1 and "revision 2 does not serve: " in waited.err and "ZeroDivisionError" in waited.err


def port_of(status: dict[str, Any]) -> int:
    return urlsplit(status["url"]).port or 0


def test_who_asks_for_no_port_is_allocated_one_and_keeps_it(lmd: Lmd) -> None:
    lmd.apply(script("1"), service={})
    allocated = port_of(lmd.status())
    assert allocated >= 6789 and ask(allocated).body == 1
    lmd.apply(script("2"), service={})
    assert (port_of(lmd.status()), ask(allocated).body) == (allocated, 2)
    planned = lmd("plan", lmd.manifest(script("2"), service={"localPort": allocated}))
    assert planned.out.startswith("digits: nothing")  # to ask for the number that one has moves nothing
    os.kill(lmd.pid(), signal.SIGKILL)
    # the port of one that does not run is not given away
    lmd.apply(script("3"), name="second", service={})
    assert port_of(lmd.status("second")) != allocated


def test_who_asks_for_no_port_keeps_the_one_it_had_when_it_ran(lmd: Lmd) -> None:
    lmd.apply(script("1"))  # a port that nobody else is allocated meanwhile
    os.kill(lmd.pid(), signal.SIGKILL)
    lmd.apply(script("2"), service={})
    assert (port_of(lmd.status()), lmd.ask().body) == (lmd.port, 2)


def test_a_number_that_is_taken_back_out_of_the_manifest_moves_nothing(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    assert lmd("rollback", "digits", "--to", "1").code == 0
    planned = lmd("plan", lmd.manifest(script("1"), service={}))
    assert planned.out.startswith("digits: nothing") and "rollback" in planned.out
    result = lmd.apply(script("2"), service={})
    assert f"http://localhost:{lmd.port}/score" in result.out and lmd.ask().body == 2
