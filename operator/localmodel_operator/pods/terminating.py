"""Terminating pods. New clients do not reach them, but a client may have kept a connection to one.

Kubernetes may take a while from a pod's deletion to its SIGTERM, and until then its server would answer there as ever.
"""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from localmodel_operator.pods import rollout_status
from localmodel_operator.pods.admin import Admin
from localmodel_operator.pods.pods import Pod

# Seconds after its deletion: a pod whose server cannot be reached for longer answers nobody else either.
_UNREACHABLE_FOR = 10.0


async def send_clients_away(admin: Admin, terminating: Iterable[Pod], number: int) -> bool:
    """Have pods of other revisions than `number` send their clients away. Returns whether some still have any."""
    others = [pod for pod in terminating if rollout_status.is_running(pod.object) and not _serves(pod, number)]
    return any(await asyncio.gather(*(_has_clients(admin, pod, number) for pod in others)))


def _serves(pod: Pod, number: int) -> bool:
    return pod.known_state is not None and pod.known_state.revision == str(number)


async def _has_clients(admin: Admin, pod: Pod, number: int) -> bool:
    told = await admin.leave(pod.object)
    if told is None:
        return datetime.now(UTC) < _deleted_at(pod.object["metadata"]) + timedelta(seconds=_UNREACHABLE_FOR)
    revision, kept = told
    return revision != str(number) and kept > 0


def _deleted_at(metadata: Mapping[str, Any]) -> datetime:
    """The time stamp is when the pod is ended for good, however it behaves."""
    end = datetime.fromisoformat(metadata["deletionTimestamp"])
    return end - timedelta(seconds=metadata.get("deletionGracePeriodSeconds") or 0)
