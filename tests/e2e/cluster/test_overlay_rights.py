"""The rights of the operator in the cluster, as a real API server reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from kube import Cluster
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
    """Asked as a review, because `kubectl auth can-i` knows only resources that the cluster has."""
    resource, _, below = asked.resource.partition("/")
    plural, _, group = resource.partition(".")
    attributes = {"verb": asked.verb, "group": group, "resource": plural, "subresource": below}
    attributes |= {"namespace": asked.namespace, "name": asked.name}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    allowed = "jsonpath={.status.allowed}"
    answer = cluster.kubectl(
        "create", f"--as={USER}", "--validate=false", "-f", "-", "-o", allowed, given=json.dumps(review)
    )
    assert answer in ("true", "false")
    return answer == "true"


def test_the_operator_may_do_what_it_does_and_no_more(granted: Cluster) -> None:
    assert [asked for asked in NEEDED if not _may(granted, asked)] == []
    assert [asked for asked in FORBIDDEN if _may(granted, asked)] == []
