"""Writing down what a pass has seen: the status where it differs, and an Event where Ready has a new reason."""

import logging
from datetime import UTC, datetime

from localmodel_operator.cluster import EVENT, Cluster, Object, RefusedError
from localmodel_operator.status import events
from localmodel_operator.status.builder import StatusBuilder

log = logging.getLogger(__name__)


async def write_status(cluster: Cluster, owner: Object, status: StatusBuilder) -> None:
    """Write the status of `owner`, which holds it then."""
    before = owner.get("status", {})
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    after = status.build(owner["metadata"]["generation"], before, now)
    if after == before:
        return
    try:
        written = await cluster.apply_status(owner, after)
    except RefusedError as error:
        if error.code in (404, 409) or is_namespace_ending(error):  # deleted, or deleted and made anew, meanwhile
            return
        raise
    owner["status"] = written["status"]
    if events.is_news(before, after):
        await record_event(cluster, owner["metadata"]["namespace"], events.event(owner, status))


async def record_event(cluster: Cluster, namespace: str, event: Object) -> None:
    """Record an Event. A lost one is no reason to fail a pass."""
    try:
        try:
            await cluster.create(EVENT, namespace, event)
        except RefusedError as error:
            earlier = await cluster.get(EVENT, namespace, event["metadata"]["name"]) if error.code == 409 else None
            if earlier is None:
                raise
            await cluster.replace(EVENT, events.again(earlier, event))
    except RefusedError as error:
        log.warning("%s/%s: event not recorded: %s", namespace, event["involvedObject"]["name"], error)


def is_namespace_ending(error: RefusedError) -> bool:
    """The namespace is being deleted and takes nothing new, or is gone."""
    gone = error.code == 404 and str(error).startswith("namespaces ")
    return gone or (error.code == 403 and "being terminated" in str(error))
