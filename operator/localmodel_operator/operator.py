"""The parts of an operator, made once at its start, and passed to every pass."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from localmodel.engine.client import Engine
from localmodel.oci.layout import Layout
from localmodel.store import Store
from localmodel_operator.cluster import Cluster
from localmodel_operator.images.delivery import Delivery
from localmodel_operator.images.environments import Environments
from localmodel_operator.inputs.fetches import Fetches
from localmodel_operator.inputs.references import References
from localmodel_operator.pods.admin import Admin
from localmodel_operator.records.keys import Signer
from localmodel_operator.workqueue import Key, WorkQueue

# Keys in the queue for: remove what nothing uses; look at every resource.
SWEEP: Key = ("", "")
EVERY: Key = ("", "*")


@dataclass(frozen=True)
class Operator:
    """The parts of an operator: one cluster, one engine, one store, and what works on them."""

    cluster: Cluster
    engine: Engine
    store: Store
    layout: Layout
    environments: Environments
    references: References
    fetches: Fetches
    queue: WorkQueue
    delivery: Delivery
    admin: Admin
    signer: Signer
    architecture: str  # of the nodes, in Kubernetes' words
    cluster_uid: str
    kind_cluster: str | None
    namespaces: tuple[str, ...]  # to serve; none means all
    keep_seconds: float  # for an environment that nothing uses any more
    verify: Callable[[int, int], str]  # (local port, node port) -> base URL for this process
    allocating: asyncio.Lock = field(default_factory=asyncio.Lock)  # held while a port is allocated
