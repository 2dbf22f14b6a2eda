"""What a pod's server says of itself. User code runs beside it, so it is read like anything that others wrote."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_MOST = 2**53  # what every reader of JSON keeps exactly
_MOST_MODELS = 10_000
_MOST_CHARACTERS = 8192
_TALLY = ("requests", "failed", "seconds")


@dataclass(frozen=True)
class PodState:
    """`epoch` is that of what it serves, `heard` the latest that it knows of, `prepared` that of a candidate which
    waits for its commit. `revision` is a number, or empty. `recent` is the last minute, or what has passed of it since
    the switch; older servers do not say."""

    epoch: int
    heard: int
    revision: str
    content: str
    environment: str
    serving: bool
    models: frozenset[str]
    prepared: int | None
    since_switch: Mapping[str, float]
    before_switch: Mapping[str, float]
    recent: Mapping[str, float]
    failure: str
    killed_for_memory: int = 0  # workers of what it serves


def read(told: Mapping[str, Any]) -> PodState:
    """Read the answer of /state.

    Raises:
        ValueError: it is not what a server of ours says; the text names the field.
    """
    epoch = _whole_number(told, "epoch")
    revision = _text(told, "revision")
    if revision and not (revision.isascii() and revision.isdecimal()):
        raise ValueError("revision is not a number")
    models = told.get("models")
    if not isinstance(models, list) or len(models) > _MOST_MODELS or not all(isinstance(each, str) for each in models):
        raise ValueError("models is not a list of digests")
    prepared = told.get("prepared")
    return PodState(
        epoch,
        max(epoch, _whole_number(told, "heard")) if "heard" in told else epoch,  # older servers do not say
        revision,
        _text(told, "content"),
        _text(told, "environment"),
        told.get("serving") is True,
        frozenset(models),
        _whole_number(prepared, "epoch") if isinstance(prepared, dict) else None,
        _tally(told, "since_switch"),
        _tally(told, "before_switch"),
        _tally(told, "recent"),
        str(told.get("failure") or "")[:_MOST_CHARACTERS],
        _whole_number(told, "killed_for_memory") if "killed_for_memory" in told else 0,
    )


def _whole_number(told: Mapping[str, Any], name: str) -> int:
    value = told.get(name)
    if type(value) is not int or not 0 <= value <= _MOST:
        raise ValueError(f"{name} is not a whole number from 0 to {_MOST}")
    return value


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or len(value) > _MOST_CHARACTERS:
        raise ValueError(f"{name} is not a short text")
    return value


def _tally(told: Mapping[str, Any], name: str) -> dict[str, float]:
    counts = told.get(name) or {}
    if not isinstance(counts, dict):
        raise ValueError(f"{name} is not an object")
    found = {key: counts[key] for key in _TALLY if key in counts}
    for key, value in found.items():
        if type(value) not in (int, float) or not (0 <= value <= _MOST and math.isfinite(value)):
            raise ValueError(f"{name}.{key} is not a count")
    return found
