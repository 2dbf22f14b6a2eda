"""The API server refuses what is refused without one, and allows what is allowed: tests/unit has the same manifests."""

from __future__ import annotations

import json
import re
import subprocess

from kube import Cluster
from support import crd_examples


def test_the_api_server_refuses_each_and_allows_the_others(cluster: Cluster) -> None:
    good, bad = crd_examples.good(), crd_examples.bad()
    batch = "\n---\n".join(map(json.dumps, [*good, *(example.manifest for example in bad)]))
    command = cluster.command("create", "--dry-run=server", "-f", "-")
    ended = subprocess.run(command, input=batch, capture_output=True, text=True, timeout=300, check=False)
    allowed = set(re.findall(r"localmodel\.dev/(\S+) created", ended.stdout))
    assert allowed >= {each["metadata"]["name"] for each in good}, ended.stderr
    assert [str(each) for each in bad if each.manifest["metadata"]["name"] in allowed] == []
    for message in crd_examples.demands():
        assert message in ended.stderr
