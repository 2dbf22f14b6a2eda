"""The edits that a start serves first: those that a list of all resources shows, and those that are made after it.

A watch begins with a list of its own, and each of a thousand settled resources in it takes a while. It shows everything
in the end, so this only saves time.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping

from localmodel import reasons
from localmodel.errors import UserError
from localmodel_operator.cluster import LMD, Cluster, RefusedError, UnreachableError
from localmodel_operator.news import News

_FOLLOWED_FOR = 60  # seconds, if a watch does not show them all before

log = logging.getLogger(__name__)


async def read(cluster: Cluster, news: News, namespaces: Iterable[str]) -> dict[str | None, str]:
    """List the resources in these namespaces (none means all), and return the lists' versions by namespace.

    Raises:
        UserError: ClusterUnusable, if the cluster does not know our kind.
    """
    try:
        return {namespace: await _read(cluster, news, namespace) for namespace in tuple(namespaces) or (None,)}
    except RefusedError as error:
        if error.code != 404:
            raise
        raise UserError(
            reasons.CLUSTER_UNUSABLE,
            f"the cluster does not know {LMD.name}: kubectl apply --server-side -f crds/, or install the chart "
            "localmodel-crds",
        ) from None


async def _read(cluster: Cluster, news: News, namespace: str | None) -> str:
    version = ""
    async for items, listed_at in cluster.pages(LMD, namespace):
        news.of_first_list(items)
        version = listed_at
    return version


async def follow(cluster: Cluster, news: News, versions: Mapping[str | None, str]) -> None:
    """Follow what happens after these lists, until the watch has shown its own."""
    following = [asyncio.create_task(_follow(cluster, news, *place)) for place in versions.items()]
    try:
        await asyncio.wait([asyncio.create_task(news.have_been_shown())], timeout=_FOLLOWED_FOR)
    finally:
        for task in following:
            task.cancel()


async def _follow(cluster: Cluster, news: News, namespace: str | None, version: str) -> None:
    try:
        async for kind, resource in cluster.changes(LMD, namespace, version, _FOLLOWED_FOR):
            metadata = resource["metadata"]
            news.of_resource((metadata["namespace"], metadata["name"]), kind, resource)
    except UnreachableError as error:
        log.info("edits are seen when the watch has shown all resources: %s", error)
