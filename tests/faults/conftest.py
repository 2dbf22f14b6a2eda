"""Scoring servers to misuse, and where their helpers are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fault_scripts import ECHO, HTTP, MODEL, ROWS
from support.server.scoring_server_process import ScoringServer, write_script
from support.user_environment import interpreter


@contextmanager
def _serving(folder: Path, script: str, **variables: str) -> Iterator[ScoringServer]:
    with ScoringServer(folder, {**write_script(folder / "app", script), **variables}) as server:
        server.wait_until_ready()
        yield server
        assert server.process.poll() is None, server.log
        assert server.get("/readyz").status == 200
        assert "error in the server" not in server.log
        assert "Exception in ASGI" not in server.log


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoringServer]:
    """A server whose script gives back what it gets, after data["seconds"]; every test leaves it as it was."""
    with _serving(tmp_path_factory.mktemp("echo"), ECHO, LOCALMODEL_MODEL_NAME=MODEL) as server:
        yield server
        assert server.score({"well": True}).json == {"well": True}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoringServer]:
    """A server whose script doubles a numpy array of two columns; it crashes at 666 and raises at 667."""
    folder = tmp_path_factory.mktemp("rows")
    with _serving(folder, ROWS, LOCALMODEL_PYTHON=interpreter(), LOCALMODEL_MODEL_NAME=MODEL) as server:
        yield server


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoringServer]:
    """A server whose script gets the request itself (rawhttp), and gives back its body."""
    with _serving(tmp_path_factory.mktemp("raw"), HTTP, LOCALMODEL_MODEL_NAME=MODEL) as server:
        yield server
