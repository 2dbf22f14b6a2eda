"""The conditions of a status: what one says, and reading them from a status that was written."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from localmodel.reasons import Reason


class Condition(NamedTuple):
    """Whether something holds, why in a word for programs, and in a sentence for people."""

    holds: bool
    reason: Reason
    message: str


def find(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """The condition of this type, or an empty mapping."""
    return next((condition for condition in status.get("conditions", []) if condition["type"] == kind), {})


def holds(status: Mapping[str, Any], kind: str) -> bool:
    """Whether the condition of this type is True."""
    return bool(find(status, kind).get("status") == "True")
