"""A scoring server to misuse, and where its helpers are."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "integration"))

from scoring_server_process import ScoringServer, write_script

ECHO = """
import json
import os
import time


def init():
    pass


def run(raw_data):
    data = json.loads(raw_data)
    if isinstance(data, dict) and "seconds" in data:
        time.sleep(data["seconds"])
    return data
"""


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoringServer]:
    """A server whose script gives back what it gets, after data["seconds"]; every test leaves it as it was."""
    folder = tmp_path_factory.mktemp("echo")
    with ScoringServer(folder, {**write_script(folder / "app", ECHO), "LOCALMODEL_REVISION": "r1"}) as server:
        server.wait_until_ready()
        process = server.process.pid
        yield server
        assert server.process.poll() is None, server.log
        assert server.process.pid == process
        assert server.score({"well": True}).json == {"well": True}
        assert "Traceback" not in server.log.replace("run() failed\nTraceback", "")
