"""Resources at rest: suspended ones of which nothing runs. They cost nothing, however many there are."""

from collections.abc import Mapping
from typing import Any

from localmodel_operator.passes import availability
from localmodel_operator.status.builder import StatusBuilder

SUSPENDED = "spec.suspend is true: edits wait, and what serves goes on serving"


def is_at_rest(owner: Mapping[str, Any]) -> bool:
    """Whether a pass would find nothing to do and nothing to report, as the resource alone shows.

    What others do to its children sends events of these.
    """
    metadata, last = owner["metadata"], owner.get("status", {})
    if not owner["spec"].get("suspend") or "deletionTimestamp" in metadata or last.get("revisions"):
        return False
    status = StatusBuilder(degraded="")
    status.pause(SUSPENDED)
    status.answers(False, availability.NO_DEPLOYMENT)
    return status.build(metadata["generation"], last, now="") == dict(last)
