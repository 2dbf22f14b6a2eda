"""The part that uses kopf: watching, login, probes. Its handlers only put keys into the queue.

It has no change handlers, daemons, timers or indices, because they lose edits, hold up deletions, and leave finalizers.
"""

import asyncio
from collections.abc import Callable, Collection
from typing import Any

import kopf

from localmodel.cluster_records import names
from localmodel_operator import children, metadata_session
from localmodel_operator.cluster import LMD, credentials
from localmodel_operator.images.delivery_news import NodeNews
from localmodel_operator.news import News
from localmodel_operator.operator import EVERY, Operator
from localmodel_operator.workqueue import WorkQueue

# The events of an object have a worker, which waits for more of them and then ends. Without a limit all objects of a
# list have theirs at once, and every step of a pass waits until each of these has made one.
_WORKERS_OF_A_KIND = 16
_WORKER_WAITS = 0.01  # seconds
_LISTED_AT_ONCE = 100  # objects: a whole list of a thousand is many megabytes, several times over
_EDITS_FIRST = 5.0  # seconds, for which the lists of all others wait at most
_LOOKS_EVERY = 0.05  # seconds


class _NoDiffs(kopf.DiffBaseStorage):
    """Keeps nothing to compare objects with: only change handlers need what kopf would copy at each event."""

    def build(self, **_: Any) -> Any:
        return {}

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        pass


class _NoProgress(kopf.ProgressStorage):
    """Keeps no progress of handlers, for the same reason."""

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        pass

    def purge(self, **_: Any) -> None:
        pass

    def touch(self, **_: Any) -> None:
        pass

    def clear(self, *, essence: Any) -> Any:
        return essence


async def watch(
    operator: Operator,
    news: News,
    of_nodes: NodeNews,
    enough: asyncio.Event,
    take_signals: Callable[[], None],
    liveness: str | None,
) -> None:
    """Watch until `enough` is set. `take_signals` is called when kopf has taken the signals for itself.

    The children are listed after the resources, because only these tell of edits, and when the edits have been served.
    """
    resources, others = _registry(operator), _registry(operator, only_metadata=True)
    _watch_resources(resources, news)
    _watch_nodes(resources, operator, of_nodes)
    _watch_others(others, operator, news)
    ours = asyncio.all_tasks()
    tasks = await _spawn(operator, resources, enough, liveness)
    take_signals()  # kopf has replaced our handlers
    ended = asyncio.create_task(enough.wait())
    served = asyncio.create_task(_serve_edits(news, operator.queue))
    await asyncio.wait([served, ended, *tasks], timeout=_EDITS_FIRST, return_when=asyncio.FIRST_COMPLETED)
    for waiting in (served, ended):
        waiting.cancel()
    tasks = [*tasks, *await _spawn(operator, others, enough)]
    take_signals()
    await kopf.run_tasks(tasks, ignored=ours)


async def _serve_edits(news: News, queue: WorkQueue) -> None:
    await news.have_been_shown()
    while queue.is_busy:  # noqa: ASYNC110 - it is so many times while the operator lives, and asked for once
        await asyncio.sleep(_LOOKS_EVERY)


async def _spawn(
    operator: Operator, registry: kopf.OperatorRegistry, enough: asyncio.Event, liveness: str | None = None
) -> Collection[asyncio.Task[Any]]:
    return await kopf.spawn_tasks(
        registry=registry,
        clusterwide=not operator.namespaces,
        namespaces=operator.namespaces,
        standalone=True,
        stop_flag=enough,
        liveness_endpoint=liveness,
    )


def _registry(operator: Operator, *, only_metadata: bool = False) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    @kopf.on.startup(registry=registry)
    async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.posting.enabled = False
        # Watching which namespaces and kinds there are takes rights in the whole cluster, and more than metadata.
        settings.scanning.disabled = bool(operator.namespaces) or only_metadata
        # an API server may be away for an afternoon: kopf would end after the last of these
        settings.networking.error_backoffs = [1, 2, 3, 5, *[10] * 10_000]
        settings.watching.server_timeout = 300
        settings.watching.client_timeout = 330
        settings.watching.connect_timeout = 10
        settings.watching.chunk_size = _LISTED_AT_ONCE
        settings.queueing.worker_limit = _WORKERS_OF_A_KIND
        settings.queueing.idle_timeout = _WORKER_WAITS
        settings.persistence.diffbase_storage = _NoDiffs()
        settings.persistence.progress_storage = _NoProgress()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.ConnectionInfo | kopf.AiohttpSession:
        reached = await credentials(operator.cluster)
        whole = kopf.ConnectionInfo(
            server=reached.server,
            ca_path=reached.ca,
            certificate_path=reached.certificate,
            private_key_path=reached.key,
            token=reached.token,
            insecure=reached.insecure,
        )
        if not only_metadata:
            return whole
        session = metadata_session.open_session(whole.as_http_headers(), whole.as_ssl_context())
        return kopf.AiohttpSession(server=reached.server, aiohttp_session=session)

    return registry


def _watch_resources(registry: kopf.OperatorRegistry, news: News) -> None:
    @kopf.on.event(names.GROUP, "v1alpha1", LMD.plural, registry=registry)
    async def changed(namespace: str | None, name: str | None, type: str | None, body: kopf.Body, **_: Any) -> None:  # noqa: A002 - kopf's name
        news.of_resource((namespace or "", name or ""), type, body)


def _watch_nodes(registry: kopf.OperatorRegistry, operator: Operator, of_nodes: NodeNews) -> None:
    @kopf.on.event("", "v1", "nodes", registry=registry)
    async def node_changed(type: str | None, body: kopf.Body, **_: Any) -> None:  # noqa: A002 - kopf's name
        if of_nodes.is_news(type, body):
            operator.delivery.renew()
            operator.queue.add(EVERY)


def _watch_others(registry: kopf.OperatorRegistry, operator: Operator, news: News) -> None:
    queue, references = operator.queue, operator.references

    # The owner is in their metadata, because somebody may have removed the labels.
    @kopf.on.event("apps", "v1", "deployments", registry=registry)
    @kopf.on.event("", "v1", "services", registry=registry)
    async def way_changed(namespace: str | None, type: str | None, body: kopf.Body, **_: Any) -> None:  # noqa: A002 - kopf's name
        if owner := children.owner_name(body):
            if type == "DELETED":
                # Without one of them nothing answers, and a pass that waits for something else would not restore it.
                queue.overtake((namespace or "", owner))
            else:
                news.of_child((namespace or "", owner), type)

    @kopf.on.event("apps", "v1", "controllerrevisions", labels=names.MANAGED_BY, registry=registry)
    @kopf.on.event("", "v1", "pods", labels=names.MANAGED_BY, param="Pod", registry=registry)
    @kopf.on.event("", "v1", "configmaps", labels=names.MANAGED_BY, registry=registry)
    async def child_changed(namespace: str | None, type: str | None, labels: Any, param: Any = "", **_: Any) -> None:  # noqa: A002 - kopf's name
        if owner := labels.get(names.DEPLOYMENT_LABEL) or labels.get(names.BUILD_LABEL):
            news.of_child((namespace or "", owner), type, param or "")

    @kopf.on.event("", "v1", "configmaps", param="ConfigMap", registry=registry)
    @kopf.on.event("", "v1", "secrets", param="Secret", registry=registry)
    async def input_changed(namespace: str | None, name: str | None, param: Any = None, **_: Any) -> None:
        for key in references.readers((param, namespace or "", name or "")):
            queue.overtake(key)
