"""The life of an operator: its parts, its lease, its work, and its end."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localmodel import environment_retention, reasons
from localmodel.disk import files
from localmodel.engine.bases import Origin
from localmodel.engine.client import Engine
from localmodel.environments.locks import own_wheels
from localmodel.errors import UserError
from localmodel.oci.layout import Layout
from localmodel.store import Store, store_id
from localmodel_operator import adopt, early_edits, sweep, watching
from localmodel_operator.cluster import (
    LMD,
    NAMESPACE,
    NODE,
    Cluster,
    Object,
    RefusedError,
    UnreachableError,
    running_in_pod,
)
from localmodel_operator.images import delivery_choice
from localmodel_operator.images.delivery_news import NodeNews
from localmodel_operator.images.environments import Environments
from localmodel_operator.inputs.fetches import Fetches, in_a_process
from localmodel_operator.inputs.references import References
from localmodel_operator.news import News
from localmodel_operator.operator import EVERY, SWEEP, Operator
from localmodel_operator.passes import at_rest, reconcile
from localmodel_operator.pods.admin import Admin
from localmodel_operator.records import keys
from localmodel_operator.records.keys import Signer
from localmodel_operator.workqueue import Key, WorkQueue

log = logging.getLogger(__name__)

_WORKERS = 16  # each may wait long while a candidate loads
_FIRST_SWEEP_AFTER = 10.0  # seconds
_LOOK_AT_WHEELS_EVERY = 5.0  # seconds
_LEASE_NAMESPACE = "kube-system"
_LAST_WORD = 3.0  # seconds for telling the API server that this operator ends


@dataclass(frozen=True)
class Options:
    """The options of `lmd operator run`.

    `context` of the kubeconfig (None means the current one), `namespaces` to serve (none means all), `liveness`
    address, `registry` to push images to (None means the cluster's own, else a kind cluster's nodes directly),
    `keep_seconds` for an environment that nothing uses any more.
    """

    context: str | None
    store: Path
    namespaces: tuple[str, ...] = ()
    liveness: str | None = None
    registry: str | None = None
    keep_seconds: float = environment_retention.DEFAULT


@dataclass(frozen=True)
class Listed:
    """What a start has listed: resources, with the versions of their lists by namespace, and nodes."""

    news: News
    versions: Mapping[str | None, str]
    nodes: NodeNews


async def run(options: Options) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        UserError: the cluster does not answer, lacks the custom resource, has no way for images, or has another
            operator on the same store.
    """
    cluster = await Cluster.connect(options.context)
    engine = Engine()
    try:
        try:
            news = News(queue := WorkQueue())
            listed = await early_edits.read(cluster, news, options.namespaces)
            nodes = await cluster.list(NODE)
            operator, cluster_uid = await _site(cluster, nodes[0], engine, queue, options)
        except UnreachableError as error:
            raise UserError(reasons.CLUSTER_UNREACHABLE, f"the cluster's API server does not answer: {error}") from None
        except RefusedError as error:
            raise UserError(reasons.CLUSTER_UNUSABLE, f"the cluster's API server refuses: {error}") from None
        with _only_operator(options.store, cluster_uid):
            try:
                await _lead(operator, cluster_uid, Listed(news, listed, NodeNews(nodes)), options)
            finally:
                operator.delivery.stop()
    finally:
        engine.close()
        await cluster.close()


async def _site(
    cluster: Cluster, node: Object, engine: Engine, queue: WorkQueue, options: Options
) -> tuple[Operator, str]:
    system = await cluster.get(NAMESPACE, None, "kube-system")
    if system is None:
        raise UserError(reasons.CLUSTER_UNUSABLE, "the cluster has no namespace kube-system")
    layout = Layout(options.store / "images")
    signer = Signer(await keys.signing_key(cluster))
    own_id = store_id.of(options.store)
    registry = await delivery_choice.registry(cluster, options.registry)
    architecture = node["metadata"]["labels"]["kubernetes.io/arch"]
    plain = frozenset({registry.host}) if registry and registry.plain else frozenset[str]()
    environments = Environments(
        engine, layout, own_id, layout.root / "environments", options.keep_seconds, Origin(architecture, plain)
    )
    operator = Operator(
        cluster=cluster,
        engine=engine,
        store=Store(options.store),
        layout=layout,
        environments=environments,
        references=References(),
        fetches=Fetches(in_a_process),
        queue=queue,
        delivery=delivery_choice.make(node, engine, layout, registry),
        admin=Admin(cluster, signer),
        signer=signer,
        architecture=architecture,
        cluster_uid=system["metadata"]["uid"],
        # Which ports of localhost a kind cluster maps, no pod can ask.
        kind_cluster=None if running_in_pod() else await delivery_choice.kind_of_engine(node, engine, registry),
        namespaces=options.namespaces,
        keep_seconds=options.keep_seconds,
        verify=lambda local_port, node_port: f"http://localhost:{local_port}",
    )
    return operator, system["metadata"]["uid"]


@contextlib.contextmanager
def _only_operator(store: Path, cluster_uid: str) -> Any:
    """Allow one operator for a store and cluster on this machine; the Lease covers other machines.

    In a pod the Lease alone decides: another pod, which waits for it, may have the same volume.
    """
    if running_in_pod():
        yield
        return
    lock = store / f"operator-{cluster_uid}.lock"
    try:
        with files.alone(lock):
            yield
    except BlockingIOError:
        raise UserError(reasons.ALREADY_RUNNING, f"an operator for this cluster is already running ({lock})") from None


async def _lead(operator: Operator, cluster_uid: str, listed: Listed, options: Options) -> None:
    stop = asyncio.Event()
    _stop_on_signals(stop)

    leading: list[asyncio.Future[Any]] = []

    async def lead() -> None:
        log.info("this operator holds the lease and serves cluster %s", operator.kind_cluster or cluster_uid)
        await _adopt(operator, options.namespaces)
        # only after every resource was looked at, and what it waits for is known
        operator.queue.add_after(_FIRST_SWEEP_AFTER, SWEEP)
        leading[:] = [asyncio.create_task(operator.queue.work(look)) for _ in range(_WORKERS)]
        leading.append(asyncio.create_task(_follow_wheels(operator)))
        await asyncio.gather(*leading)

    async def look(key: Key) -> None:
        await look_at(operator, cluster_uid, options.namespaces, key)

    async def lost() -> None:
        log.warning("the lease could not be renewed; nothing is done until it can")

    async def hold() -> None:
        while True:
            await operator.cluster.hold_lease(_LEASE_NAMESPACE, identity, lead, lost)

    # After a crash, this machine's operator takes over its own Lease at once, because the lock file admits only one.
    identity = f"{socket.gethostname()}/{store_id.of(options.store)}" if not running_in_pod() else os.uname().nodename
    enough = asyncio.Event()
    following = asyncio.create_task(early_edits.follow(operator.cluster, listed.news, listed.versions))
    lease = asyncio.create_task(hold())
    watch = asyncio.create_task(
        watching.watch(operator, listed.news, listed.nodes, enough, lambda: _stop_on_signals(stop), options.liveness)
    )
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait([lease, watch, stopped], return_when=asyncio.FIRST_COMPLETED)
    # ours first, because kopf waits 5 s for every other running task
    ours = [*leading, *operator.environments.stop(), *operator.fetches.stop(), following, lease, stopped]
    for task in ours:
        task.cancel()
    await asyncio.gather(*ours, return_exceptions=True)
    with contextlib.suppress(UnreachableError, RefusedError, TimeoutError):
        async with asyncio.timeout(_LAST_WORD):
            await operator.cluster.release_lease(_LEASE_NAMESPACE, identity)
    enough.set()
    await asyncio.wait([watch], timeout=10)
    for task in (lease, watch):
        if task.done() and not task.cancelled():
            task.result()


async def _follow_wheels(operator: Operator) -> None:
    """Look at every resource when something changes in a wheel folder of this machine."""
    before = await asyncio.to_thread(own_wheels.seen)
    while True:
        await asyncio.sleep(_LOOK_AT_WHEELS_EVERY)
        if (current := await asyncio.to_thread(own_wheels.seen)) != before:
            operator.queue.add(EVERY)
        before = current


async def _adopt(operator: Operator, namespaces: Iterable[str]) -> None:
    while True:
        try:
            await adopt.adopt(operator.cluster, operator.signer, namespaces)
        except UnreachableError as error:
            log.warning("the API server does not answer (%s); nothing is done before it does", error)
            await asyncio.sleep(1.0)
        else:
            return


async def look_at(operator: Operator, cluster_uid: str, namespaces: Iterable[str], key: Key) -> None:
    """Process a key of the queue."""
    try:
        if key == SWEEP:
            await sweep.sweep(operator, cluster_uid)
            operator.queue.forgive(key)
        elif key == EVERY:
            for served in namespaces or (None,):
                for owner in await operator.cluster.list(LMD, served):
                    if not at_rest.is_at_rest(owner):
                        operator.queue.look_again((owner["metadata"]["namespace"], owner["metadata"]["name"]))
            operator.queue.forgive(key)
        else:
            await reconcile.reconcile(operator, key)
    except UnreachableError as error:
        log.warning("%s/%s: the API server does not answer (%s); will be looked at again", *key, error)
        operator.queue.retry(key)


def _stop_on_signals(stop: asyncio.Event) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
