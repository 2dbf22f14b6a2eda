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
class ClusterTrial:
    """A new revision that is tried on clients' requests beside the one that serves.

    Attributes:
        revision: its number.
        is_shadow: whether it gets copies of requests; otherwise it answers its share.
        percent: its share of the requests.
        step: the number of the step, from 1.
        requests: how many it has answered in this step, to two digits.
        errors: how many of these have failed.
        changed: how many answers of a shadow differ; None for a canary.
    """

    revision: int
    is_shadow: bool
    percent: int
    step: int
    requests: int
    errors: int
    changed: int | None


@dataclass(frozen=True)
class ClusterView:
    """All of it; the newest events first. `missing` says what cannot be read, and why; `trial` is None without one."""

    conditions: Sequence[ClusterCondition]
    pods: Sequence[ClusterPod]
    events: Sequence[ClusterEvent]
    missing: Sequence[str] = ()
    trial: ClusterTrial | None = None
