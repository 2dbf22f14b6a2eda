"""Resources at rest: suspended ones of which nothing runs, and those with `replicas: 0`.

Nothing of them answers, so they need not be looked at often: next to nothing, however many there are.
"""

from collections.abc import Mapping
from typing import Any

from localmodel import reasons
from localmodel.cluster_records import names
from localmodel.resource import spec
from localmodel_operator.inputs import references
from localmodel_operator.passes import availability
from localmodel_operator.status import conditions
from localmodel_operator.status.builder import StatusBuilder

LOOK_AGAIN = 3600.0  # seconds: for what was missed, because events of the children and edits come by themselves
SUSPENDED = "spec.suspend is true: edits wait, and what serves goes on serving"
SCALED_TO_ZERO = "spec.replicas is 0: nothing is wanted, and nothing answers"


def is_at_rest(owner: Mapping[str, Any]) -> bool:
    """Whether a pass would find nothing to do and nothing to report, as the resource alone shows.

    What others do to its children sends events of these.
    """
    if "deletionTimestamp" in owner["metadata"]:
        return False
    return _is_suspended(owner) if owner["spec"].get("suspend") else _is_scaled_to_zero(owner)


def _is_suspended(owner: Mapping[str, Any]) -> bool:
    last = owner.get("status", {})
    if last.get("revisions"):
        return False
    status = StatusBuilder(degraded="")
    status.pause(SUSPENDED)
    status.answers(False, availability.NO_DEPLOYMENT)
    return status.build(owner["metadata"]["generation"], last, now="") == dict(last)


def _is_scaled_to_zero(owner: Mapping[str, Any]) -> bool:
    """Whether no pod of it is wanted or there, its last edit is recorded, and only another one changes that."""
    metadata, last = owner["metadata"], owner.get("status", {})
    if owner["spec"].get("replicas") != 0 or not conditions.holds(last, "Durable") or last.get("replicas"):
        return False
    status = StatusBuilder(degraded="")
    status.succeed(reasons.SCALED_TO_ZERO, SCALED_TO_ZERO)
    status.answers(False, availability.NO_POD)
    if status.build(metadata["generation"], last, now="") != dict(last):
        return False
    return names.SERVE_ANNOTATION not in metadata.get("annotations", {}) and not references.moves(
        spec.parse(owner["spec"])
    )
