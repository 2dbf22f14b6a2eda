"""What an operator asks of a cluster before it serves it, and what it leaves to the next one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from localmodel.errors import UserError
from localmodel_operator import early_edits
from localmodel_operator.cluster import Cluster, RefusedError
from localmodel_operator.news import News
from localmodel_operator.workqueue import WorkQueue


class Api:
    """A cluster that refuses to list, and has a Lease."""

    def __init__(self, refused: RefusedError | None = None, holder: str | None = None) -> None:
        self.refused, self.asked = refused, list[str | None]()
        self.lease: dict[str, Any] = {"spec": {"holderIdentity": holder, "leaseDurationSeconds": 15}}

    async def pages(self, _: Any, namespace: str | None = None) -> AsyncIterator[tuple[list[Any], str]]:
        self.asked.append(namespace)
        if self.refused:
            raise self.refused
        yield [], "7"
        yield [], "7"

    async def get(self, *_: Any) -> dict[str, Any]:
        return self.lease

    async def replace(self, _: Any, body: dict[str, Any]) -> None:
        self.lease = body


async def test_a_cluster_without_the_custom_resource_is_refused_in_a_sentence() -> None:
    api = Api(RefusedError(404, "the server could not find the requested resource"))
    with pytest.raises(UserError, match=r"does not know LocalModelDeployment.*crds/.*localmodel-crds") as caught:
        await early_edits.read(cast(Cluster, api), News(WorkQueue()), ())
    assert caught.value.reason == "ClusterUnusable"


@pytest.mark.parametrize(("served", "asked"), [((), [None]), (("a", "b"), ["a", "b"])], ids=["all", "two"])
async def test_it_asks_only_where_it_serves(served: tuple[str, ...], asked: list[str | None]) -> None:
    api = Api()
    assert await early_edits.read(cast(Cluster, api), News(WorkQueue()), served) == dict.fromkeys(asked, "7")
    assert api.asked == asked


@pytest.mark.parametrize(("holder", "left"), [("me", None), ("another", "another")])
async def test_an_operator_that_ends_leaves_its_own_lease_only(holder: str, left: str | None) -> None:
    api: Any = Api(holder=holder)
    await Cluster.release_lease(api, "kube-system", "me")
    assert api.lease["spec"] == {"holderIdentity": left, "leaseDurationSeconds": 15}
