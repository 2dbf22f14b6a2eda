"""The status of a LocalModelDeployment, built in one place from what a pass has found.

Conditions follow the API conventions, kstatus and Flux's rules: Reconciling and Stalled are present only while
True and never together, and Ready is False beside either. Degraded is present only while True, whatever Ready is.
Texts hold no names, times or counters that change by themselves, so that an idle resource is never written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localmodel import reasons
from localmodel.output.printable import printable
from localmodel.reasons import Reason
from localmodel_operator.status import conditions
from localmodel_operator.status.conditions import Condition

STAGES = ("ModelResolved", "EnvironmentBuilt", "GatePassed", "Replayed", "ImageDelivered")
_VALUES = (
    *("replicas", "selector", "url", "localPort", "image", "environment", "scoring", "revisions", "models"),
    *("canary", "source"),
)
_LONGEST_MESSAGE = 32768  # as the CRD has it, and the API conventions
_ORDER = ("Ready", "Reconciling", "Stalled", "Degraded", *STAGES, "Durable", "Available")


@dataclass
class StatusBuilder:
    """What a pass has found so far. What it has not looked at stays as the last pass left it.

    `verified`: the revision that is to serve does, and has answered at its address.
    """

    ready: bool = False
    reason: Reason = reasons.PROGRESSING
    message: str = "the spec is being read"
    reconciling: bool = True
    stalled: bool = False
    verified: bool = False
    stages: dict[str, Condition] = field(default_factory=dict)
    durable: Condition | None = None
    available: Condition | None = None
    degraded: str | None = None  # None: not looked at; empty: it is not
    values: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, status: Mapping[str, Any]) -> "StatusBuilder":
        """Ready as this status has it, for news of other conditions."""
        ready = conditions.find(status, "Ready")
        is_ready, reconciling, stalled = (
            conditions.holds(status, kind) for kind in ("Ready", "Reconciling", "Stalled")
        )
        return cls(is_ready, ready["reason"], ready["message"], reconciling, stalled)

    def progress(self, reason: Reason, message: str) -> None:
        """Work is under way, and needs nothing of the user."""
        self.ready, self.reconciling, self.stalled = False, True, False
        self.reason, self.message = reason, message

    def fail(self, reason: Reason, message: str) -> None:
        """Nothing more will happen until something outside changes."""
        self.ready, self.reconciling, self.stalled = False, False, True
        self.reason, self.message = reason, message

    def succeed(self, reason: Reason, message: str) -> None:
        """The revision that is to serve does."""
        self.ready, self.reconciling, self.stalled = True, False, False
        self.reason, self.message = reason, message

    def pause(self, message: str) -> None:
        """Neither working nor stuck, and not to be trusted as ready: spec.suspend."""
        self.ready, self.reconciling, self.stalled = False, False, False
        self.reason, self.message = reasons.SUSPENDED, message

    def stage(self, name: str, done: bool, reason: Reason, message: str) -> None:
        """The condition of one of STAGES."""
        self.stages[name] = Condition(done, reason, message)

    def answers(self, holds: bool, message: str) -> None:
        """Whether some revision answers at the address."""
        self.available = Condition(holds, reasons.ANSWERING if holds else reasons.NOT_ANSWERING, message)

    def revisions(self, **numbers: int | None) -> None:
        """Numbers of revisions by their role (wanted, serving, durable); None removes one."""
        revisions = {**(self.values.get("revisions") or {}), **numbers}
        self.values["revisions"] = {name: number for name, number in revisions.items() if number} or None

    def with_serving(self, message: str, of: int | None = None) -> str:
        """The message, and which revision goes on serving, unless it is the one that the message is `of`."""
        serving = (self.values.get("revisions") or {}).get("serving")
        return f"{message} (revision {serving} goes on serving)" if serving not in (None, of) else message

    def build(self, generation: int, before: Mapping[str, Any], now: str) -> dict[str, Any]:
        """The status to write. `before` is the status as it is, `now` an RFC 3339 time for conditions that change."""
        conditions, gone = (
            self._conditions(),
            {"Reconciling", "Stalled", *(["Degraded"] if self.degraded == "" else [])},
        )
        old = {condition["type"]: condition for condition in before.get("conditions", [])}
        written = [
            _written(name, conditions[name], generation, old.get(name), now) if name in conditions else dict(old[name])
            for name in _ORDER
            if name in conditions or (name in old and name not in gone)
        ]
        kept = {name: before[name] for name in _VALUES if name in before}
        values = {name: value for name, value in {**kept, **self.values}.items() if value is not None}
        return {"observedGeneration": generation, **values, "conditions": written}

    def _conditions(self) -> dict[str, Condition]:
        conditions = {"Ready": Condition(self.ready, self.reason, self.message), **self.stages}
        if self.reconciling:
            conditions["Reconciling"] = Condition(True, self.reason, self.message)
        if self.stalled:
            conditions["Stalled"] = Condition(True, self.reason, self.message)
        if self.degraded:
            conditions["Degraded"] = Condition(True, reasons.REQUESTS_FAIL, self.degraded)
        if self.durable is not None:
            conditions["Durable"] = self.durable
        if self.available is not None:
            conditions["Available"] = self.available
        return conditions


def _written(
    name: str, condition: Condition, generation: int, old: Mapping[str, Any] | None, now: str
) -> dict[str, Any]:
    status = "True" if condition.holds else "False"
    unchanged = old is not None and old["status"] == status
    return {
        "type": name,
        "status": status,
        "observedGeneration": generation,
        "lastTransitionTime": old["lastTransitionTime"] if old is not None and unchanged else now,
        "reason": condition.reason,
        "message": printable(condition.message)[:_LONGEST_MESSAGE],
    }
