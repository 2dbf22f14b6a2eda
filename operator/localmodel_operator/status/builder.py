"""The status of a LocalModelDeployment, summed up in one place from what a pass has seen.

Conditions follow the API conventions, kstatus and Flux's rules: Reconciling and Stalled are present only while
True and never together, and Ready is False beside either. Degraded is present only while True, whatever Ready is.
Texts hold no names, times or counters that change by themselves, so that an idle resource is never written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localmodel.printable import printable

STAGES = ("ModelResolved", "EnvironmentBuilt", "GatePassed", "ImageDelivered")
_VALUES = ("replicas", "selector", "url", "image", "environment", "revisions", "models")
_ORDER = ("Ready", "Reconciling", "Stalled", "Degraded", *STAGES, "Durable", "Available")


@dataclass
class Seen:
    """What a pass has found out so far. What it did not come to look at stays as the last pass left it.

    `settled`: what serves is what is to serve, and has been asked at its address.
    """

    ready: bool = False
    reason: str = "Progressing"
    message: str = "the spec is being read"
    reconciling: bool = True
    stalled: bool = False
    settled: bool = False
    stages: dict[str, tuple[bool, str, str]] = field(default_factory=dict)
    durable: tuple[bool, str, str] | None = None
    available: tuple[bool, str] | None = None
    degraded: str | None = None  # empty: it is not
    values: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def as_told(cls, status: Mapping[str, Any]) -> "Seen":
        """What this status says of Ready: for news of other conditions, which leave it alone."""
        ready = ready_condition(status)
        is_ready, reconciling, stalled = (
            condition(status, kind).get("status") == "True" for kind in ("Ready", "Reconciling", "Stalled")
        )
        return cls(is_ready, ready["reason"], ready["message"], reconciling, stalled)

    def progress(self, reason: str, message: str) -> None:
        """Work is under way, and needs nothing of the user."""
        self.ready, self.reconciling, self.stalled = False, True, False
        self.reason, self.message = reason, message

    def fail(self, reason: str, message: str) -> None:
        """Nothing more will happen until something outside changes."""
        self.ready, self.reconciling, self.stalled = False, False, True
        self.reason, self.message = reason, message

    def succeed(self, reason: str, message: str) -> None:
        self.ready, self.reconciling, self.stalled = True, False, False
        self.reason, self.message = reason, message

    def pause(self, message: str) -> None:
        """Neither working nor stuck, and not to be trusted as ready: spec.suspend."""
        self.ready, self.reconciling, self.stalled = False, False, False
        self.reason, self.message = "Suspended", message

    def revisions(self, **numbers: int | None) -> None:
        """Numbers of revisions by what they are (wanted, serving, durable); None takes one away."""
        known = {**(self.values.get("revisions") or {}), **numbers}
        self.values["revisions"] = {name: number for name, number in known.items() if number} or None

    def with_serving(self, message: str) -> str:
        """The message, and that what serves goes on."""
        serving = (self.values.get("revisions") or {}).get("serving")
        return f"{message} (revision {serving} goes on serving)" if serving else message

    def stage(self, name: str, done: bool, reason: str, message: str) -> None:
        self.stages[name] = (done, reason, message)


def summarise(seen: Seen, generation: int, before: Mapping[str, Any], now: str) -> dict[str, Any]:
    """The status to write. `before` is the status as it is, `now` an RFC 3339 time for what changes."""
    old = {condition["type"]: condition for condition in before.get("conditions", [])}
    wanted: dict[str, tuple[bool, str, str]] = {"Ready": (seen.ready, seen.reason, seen.message)}
    if seen.reconciling:
        wanted["Reconciling"] = (True, seen.reason, seen.message)
    if seen.stalled:
        wanted["Stalled"] = (True, seen.reason, seen.message)
    if seen.degraded:
        wanted["Degraded"] = (True, "RequestsFail", seen.degraded)
    wanted.update(seen.stages)
    if seen.durable is not None:
        wanted["Durable"] = seen.durable
    if seen.available is not None:
        holds, message = seen.available
        wanted["Available"] = (holds, "Answering" if holds else "NotAnswering", message)
    gone = {"Reconciling", "Stalled", *(["Degraded"] if seen.degraded == "" else [])}
    conditions = [
        _condition(name, wanted[name], generation, old.get(name), now) if name in wanted else dict(old[name])
        for name in _ORDER
        if name in wanted or (name in old and name not in gone)
    ]
    kept = {name: before[name] for name in _VALUES if name in before}
    values = {name: value for name, value in {**kept, **seen.values}.items() if value is not None}
    return {"observedGeneration": generation, **values, "conditions": conditions}


def _condition(
    name: str, value: tuple[bool, str, str], generation: int, old: Mapping[str, Any] | None, now: str
) -> dict[str, Any]:
    holds, reason, message = value
    status = "True" if holds else "False"
    unchanged = old is not None and old["status"] == status
    return {
        "type": name,
        "status": status,
        "observedGeneration": generation,
        "lastTransitionTime": old["lastTransitionTime"] if old is not None and unchanged else now,
        "reason": reason,
        "message": printable(message),
    }


def condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """The condition of this type, or an empty mapping."""
    return next((each for each in status.get("conditions", []) if each["type"] == kind), {})


def ready_condition(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """The Ready condition, or an empty mapping."""
    return condition(status, "Ready")
