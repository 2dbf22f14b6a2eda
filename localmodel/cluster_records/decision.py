"""The ConfigMap `NAME-wanted`, with the operator's decision on which revision serves; pods mount it."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

# The files in it, whose names the scoring server knows.
DECISION, SIGNATURE, GATE, BUNDLE = "wanted.json", "wanted.sig", "gate.json", "bundle.tar"


class Served(NamedTuple):
    """The revisions that a decision records as having served: the last one, and the one before it."""

    good: int | None = None
    before: int | None = None


def config_map_name(deployment: str) -> str:
    """The ConfigMap's name."""
    return f"{deployment}-wanted"


def served(config_map: Mapping[str, Any] | None) -> Served:
    """The revisions that have served, if the ConfigMap records them."""
    try:
        decision = json.loads(config_map["data"][DECISION]) if config_map else {}
        numbers = [decision.get(field) for field in Served._fields]
    except (LookupError, ValueError, TypeError, AttributeError, RecursionError):  # not written by the operator
        return Served()
    return Served(*(number if type(number) is int and number else None for number in numbers))
