"""Resources that ask for no port get one each, and it is written down before the next one is chosen."""

from __future__ import annotations

import asyncio
import copy
from types import SimpleNamespace
from typing import Any, cast

from localmodel.resource.spec import DeploymentSpec, Source
from localmodel_operator.cluster import LMD, Kind
from localmodel_operator.operator import Operator
from localmodel_operator.passes import exposure
from localmodel_operator.passes.context import Pass

Object = dict[str, Any]
SPEC = DeploymentSpec("score.py", Source(config_map="code"))
READY = {"type": "Ready", "status": "True", "reason": "Serving", "message": "serves", "lastTransitionTime": "then"}


class Cluster:
    """Resources of one namespace, without Services; each answer takes a moment."""

    def __init__(self, **statuses: Object) -> None:
        self.resources = {name: resource(name, status) for name, status in statuses.items()}

    async def list(self, kind: Kind, *_: Any) -> list[Object]:
        await asyncio.sleep(0)
        return copy.deepcopy([*self.resources.values()]) if kind == LMD else []

    async def apply_status(self, owner: Object, status: Object) -> Object:
        await asyncio.sleep(0)
        self.resources[owner["metadata"]["name"]]["status"] = copy.deepcopy(status)
        return {"status": status}

    async def create(self, *_: Any) -> None:
        """An Event."""

    def port(self, name: str) -> int | None:
        found: int | None = self.resources[name]["status"].get("localPort")
        return found


def resource(name: str, status: Object) -> Object:
    metadata = {"namespace": "team", "name": name, "uid": name, "generation": 1}
    return {"apiVersion": "v1", "kind": "L", "metadata": metadata, "spec": {"service": {}}, "status": status}


async def call(*_: Any) -> list[Any]:
    await asyncio.sleep(0)
    return [SimpleNamespace(ports=[(6789 + index, 30001 + index) for index in range(4)])]


def passes(cluster: Cluster) -> list[Pass]:
    operator = SimpleNamespace(
        cluster=cluster, engine=SimpleNamespace(call=call), kind_cluster="local", allocating=asyncio.Lock()
    )
    return [Pass(cast(Operator, operator), copy.deepcopy(each), SPEC) for each in cluster.resources.values()]


def node_ports(cluster: Cluster) -> list[int | None]:
    async def all_at_once() -> list[int | None]:
        chosen = await asyncio.gather(*(exposure.choose(each, None) for each in passes(cluster)))
        return [each.node_port for each in chosen]

    return asyncio.run(all_at_once())


def test_resources_that_come_at_once_get_a_port_each_and_keep_it() -> None:
    cluster = Cluster(a={}, b={}, c={})
    first = node_ports(cluster)
    assert sorted(map(str, first)) == ["30001", "30002", "30003"]
    assert {cluster.port(name) for name in "abc"} == {6789, 6790, 6791}
    assert node_ports(cluster) == first, "an operator that was started again finds them in the status"
    del cluster.resources["a"]
    assert node_ports(cluster) == first[1:]


def test_to_be_allocated_a_port_says_nothing_else_of_one_that_serves() -> None:
    told = {"observedGeneration": 1, "url": "http://localhost:6790/score", "conditions": [READY]}
    cluster = Cluster(a=told)
    node_ports(cluster)
    assert cluster.resources["a"]["status"]["conditions"][0]["status"] == "True"
    assert cluster.port("a") == 6789
