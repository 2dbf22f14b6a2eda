"""What was seen of resources, pods and answers, in the order in which it was; and what of it contradicts a status.

The API server counts one number up over all that it keeps, so a pod's version is before or after a resource's. Answers
have the time of this machine only, and a status is seen a moment after it was written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Seconds within which a status must follow what can be seen at the address.
LAG = 3.0
# The same for an address that answers again: an operator that shares two cores with all tests ends a pass first.
LAG_OF_GOOD_NEWS = 10.0
# How long a kubelet may take to show that a container has ended, which nobody in the cluster can know before.
LAG_OF_KUBELET = 10.0
# So many answers within so many seconds after a revision was told to serve, and such a share of failures, are worth a
# word in the status.
MANY_ANSWERS, WHILE_WATCHED, BAD_SHARE = 30, 50.0, 0.15
# What a revision is made from. A change of it ends a request for an earlier revision; scaling or suspending does not.
INPUTS = ("models", "scoring", "environment", "env", "server")

Owner = tuple[str, str]  # namespace and name of a LocalModelDeployment


@dataclass(frozen=True)
class Version:
    """A LocalModelDeployment as it was shown at a time (time.monotonic())."""

    at: float
    deleted: bool
    found: Mapping[str, Any]

    @property
    def number(self) -> int:
        return int(self.found["metadata"]["resourceVersion"])

    @property
    def owner(self) -> Owner:
        return self.found["metadata"]["namespace"], self.found["metadata"]["name"]

    @property
    def status(self) -> Mapping[str, Any]:
        status: Mapping[str, Any] = self.found.get("status", {})
        return status

    @property
    def revisions(self) -> Mapping[str, int]:
        revisions: Mapping[str, int] = self.status.get("revisions", {})
        return revisions

    @property
    def is_current(self) -> bool:
        """Whether the status speaks of the spec beside it."""
        return bool(self.status.get("observedGeneration") == self.found["metadata"]["generation"])

    def condition(self, kind: str) -> Mapping[str, Any]:
        listed = self.status.get("conditions", [])
        return next((each for each in listed if each["type"] == kind), {})

    def holds(self, kind: str) -> bool:
        return self.condition(kind).get("status") == "True"

    @property
    def is_ready(self) -> bool:
        return self.is_current and self.holds("Ready")

    @property
    def asked_for(self) -> str:
        """The value of the annotation that asks for a revision."""
        return str(self.found["metadata"].get("annotations", {}).get("localmodel.dev/serve-revision", ""))

    @property
    def inputs(self) -> list[Any]:
        return [self.found.get("spec", {}).get(name) for name in INPUTS]

    @property
    def port(self) -> int:
        """Of its address on localhost; 0 while it has none."""
        url = str(self.status.get("url", ""))
        return int(url.split(":")[2].split("/")[0]) if url.startswith("http://localhost:") else 0

    def __str__(self) -> str:
        namespace, name = self.owner
        ready = self.condition("Ready")
        available = self.condition("Available").get("status")
        said = f"Ready={ready.get('status')} ({ready.get('reason')}), Available={available}, {dict(self.revisions)}"
        return f"{namespace}/{name} at {self.number}: {said}"


@dataclass(frozen=True)
class PodVersion:
    """A pod as it was shown at a time (time.monotonic()): the revision it was started with, whether it is on its way
    out, and whether it was ready."""

    number: int
    owner: Owner
    uid: str
    revision: int
    going: bool
    ready: bool = False
    at: float = 0.0


@dataclass(frozen=True)
class Asked:
    """A request: when it was sent and answered (time.monotonic()), whether over a connection of its own, by whom."""

    sent: float
    answered: float
    on_new_connection: bool
    answer: Any
    revision: int = 0
    problem: str = ""


def rows(versions: Sequence[Version]) -> list[list[Version]]:
    """The versions of each resource, in order; one that was made anew under the same name is another."""
    found: dict[str, list[Version]] = {}
    for version in sorted(versions, key=lambda each: each.number):
        found.setdefault(version.found["metadata"]["uid"], []).append(version)
    return list(found.values())


def broken_rules(resource: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
    """The rules of kstatus and Flux, for a status and the one before it (condition type -> condition)."""
    status, generation = resource["status"], resource["metadata"]["generation"]
    conditions = {each["type"]: each for each in status.get("conditions", [])}
    if status["observedGeneration"] > generation:
        yield f"observedGeneration {status['observedGeneration']} is ahead of generation {generation}"
    if not conditions:
        if status["observedGeneration"] != -1:
            yield "a status without conditions"
        return
    if "Ready" not in conditions:
        yield "no condition Ready"
    if {"Reconciling", "Stalled"} <= conditions.keys():
        yield "Reconciling and Stalled together"
    for name in ("Reconciling", "Stalled"):
        if name in conditions and conditions[name]["status"] != "True":
            yield f"{name} is there and not True"
        if name in conditions and conditions["Ready"]["status"] != "False":
            yield f"{name} with Ready={conditions['Ready']['status']}"
    for name, condition in conditions.items():
        if condition["observedGeneration"] > status["observedGeneration"]:
            yield f"{name} speaks of generation {condition['observedGeneration']}, which the status has not observed"
        last = before.get(name)
        if last and (last["status"] == condition["status"]) != (
            last["lastTransitionTime"] == condition["lastTransitionTime"]
        ):
            changed = last["lastTransitionTime"] != condition["lastTransitionTime"]
            if changed:
                yield f"lastTransitionTime of {name} moved without a transition"


def wrong_words(row: Sequence[Version]) -> Iterator[str]:
    """A status that contradicts itself or the one before it."""
    for version in row:
        numbers, reason = version.revisions, version.condition("Ready").get("reason")
        if not version.is_ready or reason == "ScaledToZero":
            continue
        if "serving" not in numbers:
            yield f"{version}: ready, and nothing serves"
        if reason == "Serving" and numbers.get("serving") != numbers.get("wanted"):
            yield f"{version}: Serving, and not what is wanted"
        if not version.holds("Available"):
            yield f"{version}: ready, and not available"
        if numbers.get("durable") != (numbers.get("serving") if version.holds("Durable") else None):
            yield f"{version}: Durable={version.condition('Durable').get('status')} and the numbers disagree"


def wrong_durable(row: Sequence[Version], pods: Sequence[PodVersion]) -> Iterator[str]:
    """A status that is Durable while a pod, at that very version, was started with something else."""
    owner = row[0].owner
    changes = iter(sorted((pod for pod in pods if pod.owner == owner), key=lambda each: each.number))
    there: dict[str, int] = {}
    following = next(changes, None)
    for version in row:
        while following and following.number <= version.number:
            there[following.uid] = following.revision
            if following.going:
                del there[following.uid]
            following = next(changes, None)
        if version.holds("Durable") and (others := {*there.values()} - {version.revisions.get("durable")}):
            yield f"{version}: Durable, and pods were started with {sorted(others)}"


def wrong_answers(row: Sequence[Version], asked: Sequence[Asked]) -> Iterator[str]:
    """An answer that came while a status stood that says otherwise, over whichever connection.

    What a later status tells of within LAG may answer already: edits take hold before they are told.
    """
    for version, following in zip(row, [*row[1:], None], strict=True):
        until = following.at if following else float("inf")
        if version.deleted:
            return
        during = [each for each in asked if version.at < each.sent and each.answered < until]
        if version.is_ready and (number := version.revisions.get("serving")):
            for each in during:
                soon = {number, *_told_until(row, version, each.answered + LAG)}
                if each.revision and each.revision not in soon:
                    how = "a new" if each.on_new_connection else "a kept"
                    after = f"{each.answered - version.at:.2f} s later, over {how} connection"
                    yield f"{version}: {after}, revision {each.revision} answered"
        if version.port and version.condition("Available").get("status") == "False":
            lag = LAG_OF_GOOD_NEWS
            late = [each for each in during if each.revision and each.sent - version.at > lag < until - each.answered]
            if late:
                yield f"{version}: not available, and {len(late)} requests were answered"


def wrong_silence(row: Sequence[Version], asked: Sequence[Asked], pods: Sequence[PodVersion] = ()) -> Iterator[str]:
    """A status that is Available for longer than LAG while nobody answers.

    Where the pods are the cause, it counts from when the API server shows that none is ready.
    """
    readiness = list(_readiness([pod for pod in pods if row and pod.owner == row[0].owner]))
    for first, until in _stretches(row, lambda version: bool(version.port) and version.holds("Available")):
        silent: list[Asked] = []
        for each in sorted(asked, key=lambda each: each.sent):
            if not first.at < each.sent < each.answered < until:
                continue
            silent = [] if each.revision else [*silent, each]
            if len(silent) > 1 and silent[-1].sent - _shown_at(readiness, silent[0].sent) > LAG:
                yield f"{first}: available, and nothing answered for {silent[-1].sent - silent[0].sent:.1f} s"
                break


def _readiness(pods: Sequence[PodVersion]) -> Iterator[tuple[float, bool]]:
    """When something was shown of the pods, and whether one was ready then."""
    ready: dict[str, bool] = {}
    for pod in sorted(pods, key=lambda each: each.number):
        ready[pod.uid] = pod.ready and not pod.going
        yield pod.at, any(ready.values())


def _shown_at(readiness: Sequence[tuple[float, bool]], silent_from: float) -> float:
    """When the API server showed the cause of a silence, if that is a pod's end; otherwise when the silence began."""
    before = [is_ready for at, is_ready in readiness if at <= silent_from]
    ended = next((at for at, is_ready in readiness if at > silent_from and not is_ready), silent_from)
    if (before and not before[-1]) or ended - silent_from > LAG_OF_KUBELET:
        return silent_from
    return ended


def wrong_health(row: Sequence[Version], asked: Sequence[Asked]) -> Iterator[str]:
    """A status that is Ready, and says nothing of a good share of the requests that fails."""
    for first, until in _stretches(row, lambda version: version.is_ready and bool(version.revisions.get("serving"))):
        number = first.revisions["serving"]
        last = min(until, first.at + WHILE_WATCHED) - LAG
        of_it = [each for each in asked if each.revision == number and first.at < each.sent and each.answered < last]
        failed = [each for each in of_it if each.problem]
        if len(of_it) < MANY_ANSWERS or len(failed) < BAD_SHARE * len(of_it):
            continue
        told = [each for each in row if each.holds("Degraded") and first.at <= each.at < until]
        if not told:
            yield f"{first}: {len(failed)} of {len(of_it)} requests failed, and no status says so"


def swallowed_edits(row: Sequence[Version]) -> Iterator[str]:
    """An edit of the inputs behind a request for an earlier revision that is not served, as if it were not there."""
    value, inputs = "", row[0].inputs if row else []
    for version in row:
        if version.asked_for != value:
            value, inputs = version.asked_for, version.inputs
        if not value or version.inputs == inputs or not version.is_current:
            continue
        reason = version.condition("Ready").get("reason")
        if reason in ("ServingAsked", "RevisionNotFound"):
            yield f"{version}: {reason}, and the inputs were edited after {value!r} was asked for"


def _stretches(row: Sequence[Version], holds: Callable[[Version], bool]) -> Iterator[tuple[Version, float]]:
    """The first version of each time in which this holds, and when that ended; one that serves another is another."""
    first: Version | None = None
    for version in row:
        goes_on = holds(version) and not version.deleted
        if first is not None and not (goes_on and version.revisions.get("serving") == first.revisions.get("serving")):
            yield first, version.at
            first = None
        if goes_on and first is None:
            first = version
    if first is not None:
        yield first, float("inf")


def _told_until(row: Sequence[Version], after: Version, when: float) -> set[int]:
    later = (each for each in row if each.number > after.number and each.at <= when)
    return {number for each in later for name, number in each.revisions.items() if name != "durable"}


def went_back(row: Sequence[Version]) -> Iterator[str]:
    """An older revision serves again though nobody gave the newer one up, or asked for the older one."""
    newest, excused = 0, False
    for version in row:
        serving = version.revisions.get("serving", 0)
        excused = excused or _goes_back(version)
        if serving < newest and serving and not excused:
            yield f"{version}: serves again, after {newest} was ready"
        if version.is_ready and serving:
            newest, excused = serving, _goes_back(version)


def _goes_back(version: Version) -> bool:
    asked = "localmodel.dev/serve-revision" in version.found["metadata"].get("annotations", {})
    return asked or version.condition("Ready").get("reason") == "RollingBack"
