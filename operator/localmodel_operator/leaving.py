"""Pods on their way out. Nobody is sent to them any more, but a client may have kept a connection to one.

Kubernetes may take a while from a pod's deletion to its SIGTERM, and until then its server would answer there as ever.
"""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from localmodel_operator import rollout, world
from localmodel_operator.admin import Admin
from localmodel_operator.cluster import Cluster, Object
from localmodel_operator.workqueue import Key

_POLL = 0.2  # seconds
_POLLS = 20
# Seconds after its deletion: a pod whose server cannot be reached for longer answers nobody else either.
_UNREACHABLE_FOR = 10.0


async def problem(cluster: Cluster, admin: Admin, key: Key, number: int) -> str:
    """Why a client may still be answered by another revision than `number`; empty when every such pod let them go."""
    for _ in range(_POLLS):
        going = leaving(await world.listed(cluster, *key))
        if not any(await asyncio.gather(*(_may_answer(admin, pod, number) for pod in going))):
            return ""
        await asyncio.sleep(_POLL)
    return "a pod of another revision that is on its way out still has clients"


def leaving(pods: Iterable[Object]) -> list[Object]:
    """Those that are being deleted, and whose container still runs."""
    return [pod for pod in pods if "deletionTimestamp" in pod["metadata"] and rollout.is_running(pod)]


async def _may_answer(admin: Admin, pod: Object, number: int) -> bool:
    state = await admin.state(pod)
    if state is not None and state.revision == str(number):
        return False
    told = await admin.leave(pod)
    if told is None:
        return datetime.now(UTC) < _deleted_at(pod["metadata"]) + timedelta(seconds=_UNREACHABLE_FOR)
    revision, kept = told
    return revision != str(number) and kept > 0


def _deleted_at(metadata: Mapping[str, Any]) -> datetime:
    """The time stamp is when the pod is ended for good, however it behaves."""
    end = datetime.fromisoformat(metadata["deletionTimestamp"])
    return end - timedelta(seconds=metadata.get("deletionGracePeriodSeconds") or 0)
