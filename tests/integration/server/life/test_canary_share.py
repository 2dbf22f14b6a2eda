"""Twenty thousand requests through a real server: a canary's share is exact, and each client stays where it is."""

from __future__ import annotations

import http.client
import json
from collections import Counter
from pathlib import Path

import pytest
from support.server.admin_client import content_of
from support.server.admin_pod import Pod
from support.server.scoring_server_process import ScoringServer, read_reply

# Each asks twice. The split depends on their names and the candidate's content only, so that it is the same each time.
CLIENTS = [f"client-{number}" for number in range(10_000)]
AT_ONCE = 8


def test_five_percent_of_many_clients_meet_the_canary_and_none_flips(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    with pod.container() as server:
        server.wait_until_ready("1")
        assert pod.prepare(2, "two").status == 200
        trial = {"role": "canary", "percent": 5, "sticky": "X-User", "force": "x-try"}
        assert pod.admin.call("trial", 2, content_of("two"), json.dumps(trial).encode()).status == 200
        first = met(server, CLIENTS)
        again = met(server, CLIENTS[::-1])  # over other connections, most of them
        counted = pod.admin.state()["trial"]
    assert again == first
    share = Counter(first.values())
    assert share.keys() == {"image", "two"}
    assert share["two"] / len(CLIENTS) == pytest.approx(0.05, abs=0.005)
    for role, name in (("serving", "image"), ("candidate", "two")):
        assert (counted[role]["requests"], counted[role]["failed"]) == (2 * share[name], 0)


def met(server: ScoringServer, clients: list[str]) -> dict[str, str]:
    """The revision that has answered each client, with some of them asking at once."""
    answers = {}
    connections = [server.connect() for _ in range(AT_ONCE)]
    for start in range(0, len(clients), AT_ONCE):
        asking = [*zip(connections, clients[start : start + AT_ONCE], strict=False)]
        for connection, client in asking:
            connection.request("POST", "/score", b"{}", {"x-user": client})
        for connection, client in asking:
            answers[client] = answered(connection)
    return answers


def answered(connection: http.client.HTTPConnection) -> str:
    reply = read_reply(connection)
    assert reply.status == 200, reply
    assert reply.headers["x-localmodel-revision"] == {"image": "1", "two": "two"}[reply.json]
    return str(reply.json)
