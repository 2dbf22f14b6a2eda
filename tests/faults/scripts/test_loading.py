"""A script that takes long to load, or never does."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from support.server.scoring_server_process import ScoringServer, write_script


def test_a_long_init_is_told_with_its_time_and_does_not_keep_the_server_from_answering(tmp_path: Path) -> None:
    script = "import time\ndef init():\n    time.sleep(60)\ndef run(data): ...\n"
    with ScoringServer(tmp_path, write_script(tmp_path / "app", script)) as server:
        server.wait_until_listening()
        time.sleep(1.2)
        for reply in (server.get("/readyz"), server.get("/"), server.score([1])):
            assert (reply.status, reply.headers["retry-after"]) == (503, "1")
            assert reply.message in {
                f"the revision is loading: init() has not returned yet, after {seconds} s" for seconds in range(1, 60)
            }
        assert server.get("/livez").status == 200


GARBAGE_ON_SOCKETS = """
import os
import stat

for descriptor in range(3, 50):
    try:
        if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            os.write(descriptor, {garbage!r})
    except OSError:
        pass


def init(): ...
def run(data): ...
"""


@pytest.mark.parametrize(
    ("garbage", "told"),
    [
        (b"hello there, this is no frame", "what it sent is not an answer"),
        (b"\x02\x00\x00\x00" + bytes(8) + b"{}", "a descriptor that is not its own"),
    ],
)
def test_bytes_on_the_servers_own_socket_while_loading_are_told_of(tmp_path: Path, garbage: bytes, told: str) -> None:
    script = GARBAGE_ON_SOCKETS.format(garbage=garbage)
    with ScoringServer(tmp_path, write_script(tmp_path / "app", script)) as server:
        assert server.wait_for_end() == 3
        assert told in server.log
