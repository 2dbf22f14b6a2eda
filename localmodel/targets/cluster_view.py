"""What a cluster says of a deployment, as values."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class ClusterCondition:
    """A condition of the resource.

    `is_true` is None where nobody knows; `is_old` is whether it was checked before what was applied last.
    """

    name: str
    is_true: bool | None
    reason: str
    message: str
    is_old: bool = False


@dataclass(frozen=True)
class ClusterPod:
    """A pod of the deployment.

    Attributes:
        name: the pod's name.
        node: where it runs; "" before it has a node.
        state: `ready`, `ending`, what a container waits for, or the pod's phase.
        restarts: how often its containers were started again.
        created: a time in RFC 3339.
    """

    name: str
    node: str
    state: str
    restarts: int
    created: str


@dataclass(frozen=True)
class ClusterEvent:
    """An Event of the resource or of one of its pods. `last` is a time in RFC 3339."""

    last: str
    about: str
    is_warning: bool
    reason: str
    message: str
    count: int


@dataclass(frozen=True)
class ClusterView:
    """All of it; the newest events first. `missing` says what cannot be read, and why."""

    conditions: Sequence[ClusterCondition]
    pods: Sequence[ClusterPod]
    events: Sequence[ClusterEvent]
    missing: Sequence[str] = ()
