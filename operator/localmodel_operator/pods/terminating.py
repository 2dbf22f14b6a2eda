"""Terminating pods. New clients do not reach them, but a client may have kept a connection.

Until its SIGTERM, which may come some time after its deletion, a pod's server would answer there as before.
"""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from localmodel_operator.pods import rollout_status
from localmodel_operator.pods.admin import Admin
from localmodel_operator.pods.pods import Pod

# Seconds after its deletion; a server that cannot be reached for longer does not answer clients either.
_UNREACHABLE_FOR = 10.0


async def send_clients_away(admin: Admin, terminating: Iterable[Pod], active: Iterable[Pod], number: int) -> bool:
    """Have the pods that answer otherwise than the active ones send their clients away; return whether some have any.

    They are of another revision than `number`, or were made with another `spec.pod` or another way to them.
    """
    running = [pod for pod in terminating if rollout_status.is_running(pod.object)]
    elsewhere = placed_otherwise(running, active)
    others = [pod for pod in running if pod in elsewhere or not _serves(pod, number)]
    return any(await asyncio.gather(*(_has_clients(admin, pod, number, pod in elsewhere) for pod in others)))


def placed_otherwise(terminating: Iterable[Pod], active: Iterable[Pod]) -> list[Pod]:
    """The pods that were made with another `spec.pod` than the active ones, of whichever revision."""
    wanted = {pod.placement for pod in active}
    return [pod for pod in terminating if pod.placement not in wanted]


def _serves(pod: Pod, number: int) -> bool:
    return pod.known_state is not None and pod.known_state.revision == str(number)


async def _has_clients(admin: Admin, pod: Pod, number: int, is_elsewhere: bool) -> bool:
    answer = await admin.leave(pod.object)
    if answer is None:
        return datetime.now(UTC) < _deleted_at(pod.object["metadata"]) + timedelta(seconds=_UNREACHABLE_FOR)
    revision, kept = answer
    return kept > 0 and (is_elsewhere or revision != str(number))


def _deleted_at(metadata: Mapping[str, Any]) -> datetime:
    """The time of the deletion; the time stamp is the end of the grace period."""
    end = datetime.fromisoformat(metadata["deletionTimestamp"])
    return end - timedelta(seconds=metadata.get("deletionGracePeriodSeconds") or 0)
