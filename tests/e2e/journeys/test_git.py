"""A script from a Git repository: a manifest that names commits, and a password that stays secret."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from app import App
from kube import Namespace
from load import Load, ask
from operator_process import OperatorProcess
from support import git_server, given
from support.git_server import PASSWORD, USER, GitServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with git_server.serving(tmp_path / "repository") as server:
        server.login = True
        yield server


def at(server: GitServer, commit: str) -> given.Object:
    git = {"url": server.url, "ref": commit, "path": "scoring", "credentials": {"secret": "git"}}
    return {"entryScript": "score.py", "source": {"git": git}}


def test_each_commit_is_an_edit(namespace: Namespace, port: int, server: GitServer, operator: OperatorProcess) -> None:
    since = operator.mark()
    data = {key: base64.b64encode(text.encode()).decode() for key, text in (("username", USER), ("password", PASSWORD))}
    first = server.commit({"scoring/score.py": given.script("first"), "README": "words"})
    manifest = given.lmd("app", port, at(server, first))
    namespace.apply({**given.config_map("git", {}), "kind": "Secret", "data": data}, manifest)
    namespace.wait_ready("app")
    assert ask(port) == "first"
    app = App(namespace, manifest, port)
    with Load(port):
        second = server.commit({"scoring/score.py": given.script("second")})
        app.edit(scoring=at(server, second))
        namespace.wait_ready("app")
        assert ask(port) == "second" and app.get()["status"]["source"]["commit"] == second
        broken = server.commit({"scoring/score.py": "def init():\n    oh no\n"})
        app.edit(scoring=at(server, broken))
        stalled = namespace.wait_condition("app", "Stalled", "True", "EntryScriptInvalid")
        assert "score.py:2" in stalled["message"]
        app.edit(scoring=at(server, "f" * 40))
        told = namespace.wait_condition("app", "ModelResolved", "False", "FetchingModel")
        assert "spec.scoring.source.git: " in told["message"]
        app.edit(scoring=at(server, second))
        namespace.wait_ready("app")
    assert ask(port) == "second"
    seen = namespace.kubectl("get", "lmd,events,configmaps,controllerrevisions,deployments,pods", "-o", "json")
    for text in (PASSWORD, data["password"]):
        assert text not in seen and text not in operator.log_since(since)
