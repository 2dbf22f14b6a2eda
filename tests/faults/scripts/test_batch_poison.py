"""Requests that share a call of run() with one that breaks it."""

from __future__ import annotations

import pytest
from support.server.scoring_server_process import ScoringServer
from wire import Wire, post


@pytest.mark.parametrize(
    ("poison", "told"), [(666, "the worker process died (SIGSEGV)"), (667, "run() failed"), (float("nan"), "JSON")]
)
@pytest.mark.parametrize("path", ["/score", "/invocations"])
def test_only_the_request_to_blame_fails(rows: ScoringServer, path: str, poison: float, told: str) -> None:
    for _ in range(3):
        wires = [Wire(rows) for _ in range(21)]
        try:
            # The first one keeps the worker busy, so that the others become one call.
            for number, wire in enumerate(wires):
                wire.send(post({"x": [[poison if number == 13 else number, 1]]}, path=path))
            for number, wire in enumerate(wires):
                reply = wire.answer()
                if number == 13:
                    assert (reply.status, told in reply.body.decode()) == (500, True), reply
                else:
                    assert (reply.status, reply.json) == (200, [[2 * number, 2]])
        finally:
            for wire in wires:
                wire.socket.close()
    sizes = rows.get("/metrics").body.decode()
    assert 'localmodel_batch_size_bucket{le="1.0"}' in sizes


def test_requests_do_share_calls(rows: ScoringServer) -> None:
    calls, requests = rows.figure("localmodel_batch_size_count"), rows.figure("localmodel_batch_size_sum")
    wires = [Wire(rows) for _ in range(40)]
    for number, wire in enumerate(wires):
        wire.send(post({"x": [[number, 1]]}))
    for wire in wires:
        assert wire.answer().status == 200
        wire.socket.close()
    assert rows.figure("localmodel_batch_size_sum") - requests == 40
    assert rows.figure("localmodel_batch_size_count") - calls < 35
