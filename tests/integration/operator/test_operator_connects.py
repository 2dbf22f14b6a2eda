"""What the operator says where no cluster is named: a line, which names the file."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from localmodel.errors import UserError
from localmodel_operator.cluster import Cluster

CONFIG = """
clusters: [{name: one, cluster: {server: "https://127.0.0.1:1", certificate-authority: missing.crt}}]
users: [{name: me, user: {token: x}}]
contexts: [{name: here, context: {cluster: one, user: me}}]
current-context: here
"""


def problem(context: str | None = None) -> str:
    with pytest.raises(UserError) as raised:
        asyncio.run(Cluster.connect(context))
    assert raised.value.reason == "ClusterUnreachable"
    return str(raised.value)


@pytest.mark.parametrize(
    ("content", "context", "expected"),
    [
        (None, None, "there is no such file"),
        ("", None, "it is not a mapping of clusters, users and contexts"),
        ("5", None, "it is not a mapping of clusters, users and contexts"),
        ("users: 5", None, "it is not a mapping of clusters, users and contexts"),
        ("a: [", None, "line 1, column 5"),
        (CONFIG, "nosuch", "nosuch"),
        (CONFIG, None, "missing.crt"),
    ],
)
def test_a_kubeconfig_without_a_cluster(
    content: str | None, context: str | None, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config"
    monkeypatch.setenv("KUBECONFIG", str(file))
    if content is not None:
        file.write_text(content)
    text = problem(context)
    assert text.startswith(f"the kubeconfig {file} does not lead to a cluster: ")
    assert expected in text and "\n" not in text


def test_a_pod_without_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    assert "the pod's service account does not lead to a cluster: Service token" in problem()
