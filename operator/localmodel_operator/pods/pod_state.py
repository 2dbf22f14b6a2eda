"""Reads what a pod's server reports, without trusting it, because user code runs beside it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localmodel_operator.trials import figures
from localmodel_operator.trials.figures import Reported
from localmodel_untrusted import replayed
from localmodel_untrusted.replayed import Replayed

_MOST = 2**53  # the largest number that every JSON reader keeps exactly
_MOST_MODELS = 10_000
_MOST_CHARACTERS = 8192
_TALLY = ("requests", "failed", "seconds")


@dataclass(frozen=True)
class PodState:
    """The state of a pod's server.

    `epoch` is that of what it serves, `heard` the latest that it knows, `prepared` that of a candidate which waits for
    its commit. `revision` is a number, or "". `recent` covers the last minute, or the time since the switch; older
    servers do not report it.
    """

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
    replayed: Replayed | None = None  # what came of captured requests before it served
    trial: Reported | None = None  # of what is prepared
    on_hold: bool = False  # it has loaded what it is to serve, and waits to be told


def read(answer: Mapping[str, Any]) -> PodState:
    """Read the answer of /state.

    Raises:
        ValueError: it is not an answer of our server; the text names the field.
    """
    epoch = _whole_number(answer, "epoch")
    revision = _text(answer, "revision")
    if revision and not (revision.isascii() and revision.isdecimal()):
        raise ValueError("revision is not a number")
    models = answer.get("models")
    if (
        not isinstance(models, list)
        or len(models) > _MOST_MODELS
        or not all(isinstance(model, str) for model in models)
    ):
        raise ValueError("models is not a list of digests")
    prepared = answer.get("prepared")
    return PodState(
        epoch,
        max(epoch, _whole_number(answer, "heard")) if "heard" in answer else epoch,  # older servers do not report it
        revision,
        _text(answer, "content"),
        _text(answer, "environment"),
        answer.get("serving") is True,
        frozenset(models),
        _whole_number(prepared, "epoch") if isinstance(prepared, dict) else None,
        _tally(answer, "since_switch"),
        _tally(answer, "before_switch"),
        _tally(answer, "recent"),
        str(answer.get("failure") or "")[:_MOST_CHARACTERS],
        _whole_number(answer, "killed_for_memory") if "killed_for_memory" in answer else 0,
        replayed.read(answer["replayed"]) if answer.get("replayed") else None,
        figures.read(answer["trial"]) if answer.get("trial") else None,
        answer.get("on_hold") is True,
    )


def _whole_number(answer: Mapping[str, Any], name: str) -> int:
    value = answer.get(name)
    if type(value) is not int or not 0 <= value <= _MOST:
        raise ValueError(f"{name} is not a whole number from 0 to {_MOST}")
    return value


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or len(value) > _MOST_CHARACTERS:
        raise ValueError(f"{name} is not a short text")
    return value


def _tally(answer: Mapping[str, Any], name: str) -> dict[str, float]:
    counts = answer.get(name) or {}
    if not isinstance(counts, dict):
        raise ValueError(f"{name} is not an object")
    tally = {key: counts[key] for key in _TALLY if key in counts}
    for key, value in tally.items():
        if type(value) not in (int, float) or not (0 <= value <= _MOST and math.isfinite(value)):
            raise ValueError(f"{name}.{key} is not a count")
    return tally
