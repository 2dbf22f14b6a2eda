"""The switch that brings back what Azure ML's server does and a client could have come to rely on."""

from __future__ import annotations

from collections.abc import Mapping


def is_strict(environment: Mapping[str, str]) -> bool:
    """Whether LOCALMODEL_STRICT_PARITY is set, read as the server reads it."""
    return environment.get("LOCALMODEL_STRICT_PARITY", "").lower() in ("true", "1")
