"""The charts, and what they are given in tests."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CHARTS = ROOT / "manifests" / "charts"
OPERATOR, CRDS = CHARTS / "localmodel-operator", CHARTS / "localmodel-crds"
RELEASE, SYSTEM = "localmodel-operator", "localmodel-system"

REGISTRY = {"registry": {"address": "registry.example.com/team"}}
VALUES: dict[str, dict[str, Any]] = {
    "all namespaces": REGISTRY,
    "two namespaces": {**REGISTRY, "namespaces": ["team-a", "team-b"]},
    "the cluster's registry": {"namespaces": ["team-a"]},
    "with a login": {"registry": {"address": "http://registry.lan:5000", "secret": "login"}},
    "authorities of its own": {**REGISTRY, "certificates": "authorities"},
    "nothing kept": {**REGISTRY, "store": {"persistent": False, "size": "5Gi"}},
    "a shared volume": {**REGISTRY, "replicas": 3, "store": {"existingClaim": "mine", "accessMode": "ReadWriteMany"}},
}


def helm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Helm, which may have to be compiled."""
    command = ["nice", ROOT / "hack" / "helm", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def template(chart: Path, *options: str | Path) -> str:
    """The manifests that Helm makes of a chart."""
    ended = helm("template", RELEASE, chart, "--namespace", SYSTEM, *options)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
