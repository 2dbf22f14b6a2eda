"""A pod on its way out sends its clients away when it is told to, also before its SIGTERM has come."""

from __future__ import annotations

import time
from pathlib import Path

from support.server.admin_pod import Pod
from support.server.scoring_server_process import eventually, read_reply

SLOW = """
import time
def init(): pass
def run(data):
    time.sleep(1.5)
    return "late"
"""


def test_kept_connections_end_without_a_lost_request(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    with pod.container() as server:
        server.wait_until_ready("1")
        idle, busy = server.connect(), server.connect()
        for connection in (idle, busy):
            connection.request("POST", "/score", "{}")
            assert read_reply(connection).json == "image"
        time.sleep(1.1)  # longer than who is closed may be silent
        busy.request("POST", "/score", "{}")
        assert "connection" not in read_reply(busy).headers

        reply = pod.admin.call("leave")
        assert (reply.status, reply.json) == (200, {"revision": "1", "kept": 1})
        assert server.get("/readyz").status == 503
        busy.request("POST", "/score", "{}")
        last = read_reply(busy)
        assert (last.status, last.headers["connection"]) == (200, "close")
        assert idle.sock.recv(1) == b"", "the idle one is closed"
        assert pod.admin.call("leave").json["kept"] == 0
        assert pod.prepare(2, "two").json["reason"] == "Stopping"


def test_who_falls_silent_is_not_kept_for_long(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    with pod.container() as server:
        server.wait_until_ready("1")
        client = server.connect()
        client.request("POST", "/score", "{}")
        read_reply(client)
        eventually(lambda: pod.admin.call("leave").json["kept"] == 0, server)
        assert client.sock.recv(1) == b""


def test_what_is_being_answered_is_answered_and_is_the_last(tmp_path: Path) -> None:
    pod = Pod(tmp_path, SLOW)
    with pod.container() as server:
        server.wait_until_ready("1")
        client = server.connect()
        client.request("POST", "/score", "{}")
        server.wait_until_asked(1)
        assert pod.admin.call("leave").json["kept"] == 0
        answer = read_reply(client)
        assert (answer.json, answer.headers["connection"]) == ("late", "close")


def test_only_the_operator_can_send_clients_away(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    with pod.container() as server:
        server.wait_until_ready("1")
        assert pod.admin.send("leave", pod.admin.token("state", 0, "")).status == 403
        assert server.get("/readyz").status == 200
