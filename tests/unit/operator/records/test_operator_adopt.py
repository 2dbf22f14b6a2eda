"""What an operator that did not sign has left is signed once, and nothing after that."""

from __future__ import annotations

import asyncio
import copy
import json
from dataclasses import asdict
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.operator.operator_given import revision

from localmodel.cluster_records import names
from localmodel_operator import adopt, children
from localmodel_operator.cluster import CONFIG_MAP, LMD, REVISION, SECRET, Kind, RefusedError, UnreadableAnswerError
from localmodel_operator.records import decision, history
from localmodel_operator.records.decision import Decision
from localmodel_operator.records.keys import Signer
from localmodel_operator.records.pin import Pin

SIGNER = Signer(Ed25519PrivateKey.generate())
METADATA = {"name": "digits", "namespace": "team", "uid": "8f5c"}
OWNER: dict[str, Any] = {"apiVersion": "v1", "kind": "LocalModelDeployment", "metadata": METADATA}
IDENTITY = "team/digits/8f5c"
PIN = Pin("2", "inputs").text()
TEMPLATE = {"metadata": {}, "spec": {"containers": [{"name": "server", "env": [{"name": "A", "value": "1"}]}]}}
DATA = {"inputs": "i", "image": "image", "template": TEMPLATE, "digests": asdict(revision("b")), "environment": "key"}


class Cluster:
    """Objects by kind and name."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Any] = {}

    def put(self, kind: Kind, found: Any) -> None:
        self.objects[kind.name, found["metadata"]["name"]] = copy.deepcopy(dict(found))

    async def get(self, kind: Kind, namespace: str | None, name: str) -> Any:
        return copy.deepcopy(self.objects.get((kind.name, name)))

    async def list(self, kind: Kind, namespace: str | None = None, labels: str = "") -> Any:
        found = [each for (name, _), each in self.objects.items() if name == kind.name]
        return copy.deepcopy([each for each in found if namespace in (None, each["metadata"]["namespace"])])

    async def replace(self, kind: Kind, body: Any) -> None:
        self.put(kind, body)

    async def annotate(self, kind: Kind, namespace: str, name: str, annotations: Any) -> None:
        metadata = self.objects[kind.name, name]["metadata"]
        metadata["annotations"] = {**metadata.get("annotations", {}), **annotations}


def left(cluster: Cluster, number: int, data: Any = DATA) -> None:
    """What the older operator left of a revision."""
    metadata = children.metadata(OWNER, f"digits-r{number}")
    cluster.put(REVISION, {"metadata": metadata, "revision": number, "data": data})


def cluster_of_an_older_operator() -> Cluster:
    cluster = Cluster()
    metadata = {"name": "localmodel-operator-admin", "namespace": "kube-system"}
    cluster.put(SECRET, {"metadata": metadata, "data": {"key": "of SIGNER"}})
    cluster.put(LMD, OWNER)
    left(cluster, 1)
    left(cluster, 2)
    told = {"epoch": 3, "revision": 2, "content": "c", "environment": "e", "committed": True, "good": 2, "before": 1}
    metadata = {**children.metadata(OWNER, "digits-wanted"), "annotations": {names.PIN_ANNOTATION: PIN}}
    cluster.put(CONFIG_MAP, {"metadata": metadata, "data": {"wanted.json": json.dumps(told), "gate.json": "[1]"}})
    return cluster


def sign_all(cluster: Any, *namespaces: str) -> None:
    asyncio.run(adopt.adopt(cluster, SIGNER, namespaces))


def signed(cluster: Cluster) -> list[str]:
    return [
        name
        for (kind, name), found in cluster.objects.items()
        if kind == REVISION.name and history.is_ours(IDENTITY, found, SIGNER)
    ]


def test_an_upgrade_loses_nothing() -> None:
    cluster = cluster_of_an_older_operator()
    sign_all(cluster)
    assert signed(cluster) == ["digits-r1", "digits-r2"]
    found = cluster.objects[CONFIG_MAP.name, "digits-wanted"]
    decided = Decision(3, 2, "c", "e", committed=True, good=2, before=1, pin=PIN)
    assert decision.read(found, IDENTITY, SIGNER) == decided
    assert found["data"]["gate.json"] == "[1]"


def test_what_is_put_there_later_is_not_signed() -> None:
    cluster = cluster_of_an_older_operator()
    sign_all(cluster)
    left(cluster, 3)
    sign_all(cluster)
    sign_all(cluster, "team")
    assert signed(cluster) == ["digits-r1", "digits-r2"]


def test_a_namespace_that_is_served_later_is_looked_at_then() -> None:
    cluster = cluster_of_an_older_operator()
    sign_all(cluster, "other")
    assert signed(cluster) == []
    sign_all(cluster, "other", "team")
    assert signed(cluster) == ["digits-r1", "digits-r2"]


JUNK: tuple[Any, ...] = (
    {"image": 1},
    {**DATA, "facts": {"suspend": 1}},
    {**DATA, "note": "\ud800"},
)


def test_what_cannot_be_read_is_left_and_keeps_nothing_up() -> None:
    cluster = cluster_of_an_older_operator()
    for number, data in enumerate(JUNK, 3):
        left(cluster, number, data)
    cluster.objects[CONFIG_MAP.name, "digits-wanted"]["data"] = {"wanted.json": "[" * 200_000}
    sign_all(cluster)
    assert signed(cluster) == ["digits-r1", "digits-r2"]
    assert decision.read(cluster.objects[CONFIG_MAP.name, "digits-wanted"], IDENTITY, SIGNER) is None


class Refusing(Cluster):
    """As an API server that says no about one revision, and whose answer about one resource cannot be read."""

    async def list(self, kind: Kind, namespace: str | None = None, labels: str = "") -> Any:
        if labels.endswith("=another"):
            raise UnreadableAnswerError("nested too deeply")
        return await super().list(kind, namespace, labels)

    async def annotate(self, kind: Kind, namespace: str, name: str, annotations: Any) -> None:
        if name == "digits-r1":
            raise RefusedError(422, "it is too large")
        await super().annotate(kind, namespace, name, annotations)


def test_a_resource_that_fails_does_not_stop_the_others() -> None:
    cluster = Refusing()
    cluster.put(LMD, {**OWNER, "metadata": {**METADATA, "name": "another", "uid": "1"}})
    cluster.objects.update(cluster_of_an_older_operator().objects)
    sign_all(cluster)
    assert signed(cluster) == ["digits-r2"]
    assert decision.read(cluster.objects[CONFIG_MAP.name, "digits-wanted"], IDENTITY, SIGNER) is not None
    left(cluster, 3)
    sign_all(cluster)
    assert signed(cluster) == ["digits-r2"]
