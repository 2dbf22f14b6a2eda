"""`spec.update.shadow` and `spec.update.canary`: the stages in which a new revision is tried on clients' requests."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localmodel import digests

MANUAL = "Manual"


@dataclass(frozen=True)
class Limits:
    """What a revision is given up for, against the one that serves; None: it is not looked at.

    Attributes:
        error: by how much its share of failed answers may be larger.
        latency: how many times as long its slowest tenth may take.
        changed: which share of its compared answers may differ.
    """

    error: float
    latency: float | None = None
    changed: float | None = None


@dataclass(frozen=True)
class Stage:
    """A `shadow`, which comes first, or a step of a `canary`: how many requests, for how long at least.

    Attributes:
        role: `shadow` or `canary`.
        percent: the share of the requests.
        seconds: how long it lasts at least.
        min_requests: how many answers it takes to go on.
        limits: what ends the trial.
        sticky: the header whose value names the client, or "".
        force: the header with which a request chooses for itself, or "".
    """

    role: str
    percent: int
    seconds: int
    min_requests: int
    limits: Limits
    sticky: str = ""
    force: str = ""

    def as_trial(self) -> dict[str, Any]:
        """What a server is told at /trial."""
        told: dict[str, Any] = {"role": self.role, "percent": self.percent}
        return {**told, "sticky": self.sticky, "force": self.force} if self.role == "canary" else told

    @property
    def text(self) -> str:
        """What happens in it, in words."""
        if self.role == "shadow":
            return f"gets copies of {self.percent} % of the requests"
        return f"answers {self.percent} % of the requests"


def of(shadow: Mapping[str, Any], canary: Mapping[str, Any]) -> tuple[Stage, ...]:
    """The stages of the two fields of a valid manifest, in order."""
    copied = (_stage("shadow", shadow, shadow),) if shadow else ()
    return copied + tuple(_stage("canary", step, canary) for step in canary.get("steps", ()))


def digest(shadow: Mapping[str, Any], canary: Mapping[str, Any], resources: Mapping[str, Any]) -> str:
    """Digest of what decides how a trial goes, without who promotes it; there may be room where there was none."""
    lasting = {name: value for name, value in canary.items() if name != "promote"}
    return digests.of_json([dict(shadow), lasting, dict(resources)])


def _stage(role: str, share: Mapping[str, Any], field: Mapping[str, Any]) -> Stage:
    fail = field["fail"]
    latency, changed = (float(fail[name]) if name in fail else None for name in ("latencyRatio", "changedRatio"))
    headers = (field.get(name, {}).get("header", "").lower() for name in ("sticky", "force"))
    limits = Limits(float(fail["errorRatio"]), latency, changed)
    return Stage(role, share["percent"], share["seconds"], field["minRequests"], limits, *headers)
