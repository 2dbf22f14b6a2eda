"""kubectl lmd, with a kubectl that only keeps what it is asked."""

import json
from pathlib import Path

import pytest
from support.lmd_command import LMD, Lmd

KUBECTL = """#!/bin/sh
echo "$KUBECONFIG: $*" >>"$(dirname "$0")/asked"
echo '{"kind": "List", "items": [{"metadata": {"name": "digits", "namespace": "ml", "generation": 1}}]}'
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lmd:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "kubectl").write_text(KUBECTL)
    (folder / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("KUBECONFIG", "before")
    monkeypatch.setenv("LOCALMODEL_TARGET", "process")
    return Lmd(tmp_path, str(Path(LMD).with_name("kubectl-lmd")))


def test_the_cluster_is_what_is_meant(plugin: Lmd) -> None:
    result = plugin("status", "-o", "json")
    assert result.code == 0, result.err
    assert [deployment["name"] for deployment in json.loads(result.out)] == ["digits"]
    assert plugin("status", "--target", "process").out.splitlines()[1:] == [], "unless it is said otherwise"


def test_kubectls_own_options_are_passed_on(plugin: Lmd) -> None:
    assert plugin("-n", "ml", "--context", "kind-x", "status", "--kubeconfig", "other").code == 0
    assert "ml/digits" in plugin("status", "-A").out
    first, second = (plugin.folder / "bin" / "asked").read_text().splitlines()
    assert first.startswith("other: --context kind-x --namespace ml get ")
    assert second.startswith("before: ") and "--all-namespaces" in second


def test_usage_is_kubectls(plugin: Lmd) -> None:
    assert plugin("--help").out.startswith("Usage: kubectl lmd ")
    assert "Try 'kubectl lmd status --help'" in plugin("status", "--bogus").err
