"""The rights of the operator in the cluster, as a real API server reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from kube import Cluster, Refused
from support.operator.overlay_rights import FORBIDDEN, NEEDED, USER, Asked, rights


@pytest.fixture(scope="module")
def granted(cluster: Cluster) -> Iterator[Cluster]:
    cluster.kubectl("create", "namespace", "localmodel-system")
    objects = json.dumps({"apiVersion": "v1", "kind": "List", "items": rights()})
    cluster.kubectl("apply", "-f", "-", given=objects)
    yield cluster
    cluster.kubectl("delete", "-f", "-", given=objects)
    cluster.kubectl("delete", "namespace", "localmodel-system")


def _may(cluster: Cluster, asked: Asked) -> bool:
    resource, _, below = asked.resource.partition("/")
    what = f"{resource}/{asked.name}" if asked.name else resource
    where = [f"--namespace={asked.namespace}"] if asked.namespace else ["--all-namespaces"]
    more = [f"--subresource={below}"] if below else []
    try:
        return cluster.kubectl("auth", "can-i", f"--as={USER}", asked.verb, what, *where, *more).strip() == "yes"
    except Refused as refused:
        assert "no" in str(refused) or not str(refused)
        return False


def test_the_operator_may_do_what_it_does_and_no_more(granted: Cluster) -> None:
    assert [asked for asked in NEEDED if not _may(granted, asked)] == []
    assert [asked for asked in FORBIDDEN if _may(granted, asked)] == []
