"""The ConfigMap `NAME-wanted`, by which the operator decides which revision serves. Pods have it mounted."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

# The files in it; the scoring server knows their names.
DECISION, SIGNATURE, GATE, BUNDLE = "wanted.json", "wanted.sig", "gate.json", "bundle.tar"


class Served(NamedTuple):
    """Revisions that have served, as a decision names them: the last one, and the one before it."""

    good: int | None = None
    before: int | None = None


def config_map_name(deployment: str) -> str:
    """Name of the ConfigMap."""
    return f"{deployment}-wanted"


def served(config_map: Mapping[str, Any] | None) -> Served:
    """Which revisions have served; nothing, where the ConfigMap does not say."""
    try:
        decision = json.loads(config_map["data"][DECISION]) if config_map else {}
        numbers = [decision.get(field) for field in Served._fields]
    except (LookupError, ValueError, TypeError, AttributeError, RecursionError):  # somebody else has written it
        return Served()
    return Served(*(number if type(number) is int and number else None for number in numbers))
