"""Ownership of objects in the cluster."""

from collections.abc import Mapping
from typing import Any


def owns(uid: str, child: Mapping[str, Any]) -> bool:
    """Whether the resource with this uid controls the child."""
    owners = child["metadata"].get("ownerReferences", [])
    return any(owner.get("controller") and owner["uid"] == uid for owner in owners)
