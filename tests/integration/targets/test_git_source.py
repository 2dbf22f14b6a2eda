"""A deployment whose script is in a Git repository, without a cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import git_server, given
from support.git_server import GitServer
from support.lmd_command import Lmd, free_port


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with git_server.serving(tmp_path / "repository") as server:
        yield server


def test_a_manifest_is_enough_and_follows_the_branch(lmd: Lmd, tmp_path: Path, server: GitServer) -> None:
    first = server.commit({"scoring/score.py": given.script("first"), "README": "words"})
    source = {"entryScript": "score.py", "source": {"git": {"url": server.url, "ref": "main", "path": "scoring"}}}
    (tmp_path / "app.yaml").write_text(yaml.safe_dump(given.lmd("app", free_port(), source)))
    assert f"commit {first[:12]} of {server.url}//scoring" in lmd("apply", "app.yaml").err
    assert answer(lmd) == "first"

    server.commit({"README": "other words"})
    assert lmd("plan", "app.yaml").out.startswith("app: nothing")
    server.commit({"scoring/score.py": given.script("second")})
    assert "score.py" in lmd("plan", "app.yaml").out
    lmd("apply", "app.yaml")
    assert answer(lmd) == "second"

    broken = server.commit({"scoring/score.py": "def init(: pass"})
    failed = lmd("apply", "app.yaml")
    assert failed.code == 1 and broken[:12] in failed.err and "score.py:1" in failed.err
    assert answer(lmd) == "second"
    lmd("rollback", "app", "--to", "1")
    assert answer(lmd) == "first"


def answer(lmd: Lmd) -> Any:
    return json.loads(lmd("invoke", "app", "--data", "1").out)
