"""The revisions of a resource, as its ControllerRevisions keep them, and which of them is to serve."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from localmodel import digests, reasons
from localmodel.cluster_records import names, revisions
from localmodel.disk import state_file
from localmodel.plan import Facts
from localmodel.revision import Revision
from localmodel_operator.cluster import Object
from localmodel_operator.failure import Failure
from localmodel_operator.records.keys import Signer
from localmodel_operator.records.pin import Pin

_PURPOSE = "localmodel.dev/revision"


@dataclass(frozen=True)
class RecordedRevision:
    """A revision that was made. `inputs` is what was asked for; image and pod template serve it.

    `failed` is why it does not serve ("Reason: message"); it is not tried again until an input changes.
    """

    number: int
    inputs: str
    image: str
    template: Object
    revision: Revision
    environment: str
    entry: str
    models: tuple[str, ...]
    facts: Facts | None
    failed: str

    @property
    def failure(self) -> Failure:
        """Why it does not serve, read from `failed`."""
        return Failure.parse(self.failed)


def signature(owner: str, found: Mapping[str, Any], signer: Signer) -> dict[str, str]:
    """The annotation that says of a ControllerRevision of this owner's (decision.owner_of()) that it is ours."""
    return {names.SIGNATURE_ANNOTATION: signer.sign(_PURPOSE, _signed(owner, found))}


def is_ours(owner: str, found: Mapping[str, Any], signer: Signer) -> bool:
    """Whether the operator has recorded this revision of the owner's, just so and under this name."""
    annotation = found["metadata"].get("annotations", {}).get(names.SIGNATURE_ANNOTATION, "")
    try:
        payload = _signed(owner, found)
    except (ValueError, RecursionError):  # text that is not Unicode, or too deep: nothing that was ever signed
        return False
    return signer.has_signed(_PURPOSE, payload, annotation)


def read(found: Mapping[str, Any]) -> RecordedRevision | None:
    """The revision that a ControllerRevision records; None where it records none, whatever is in it instead."""
    try:
        _signed("", found)
        return recorded(found)
    except Exception:
        return None


def _signed(owner: str, found: Mapping[str, Any]) -> bytes:
    told = {"owner": owner, "name": found["metadata"]["name"], "revision": found["revision"], "data": found.get("data")}
    return digests.canonical_json(told)


@dataclass(frozen=True)
class _Metadata:
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Variable:
    name: str
    value: str = ""


@dataclass(frozen=True)
class _Container:
    env: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class _PodSpec:
    containers: tuple[Mapping[str, Any], ...]


def recorded(found: Mapping[str, Any]) -> RecordedRevision:
    """Read a ControllerRevision of ours.

    Raises:
        Exception: it is something else; read() is for what others may have written.
    """
    data = revisions.read(found)
    _check_template(data.template)
    return RecordedRevision(
        state_file.typed(found["revision"], int),
        data.inputs,
        data.image,
        dict(data.template),
        data.digests,
        data.environment,
        data.entryScript,
        data.models,
        Facts.from_json(data.facts),
        revisions.failure(found),
    )


def _check_template(template: Mapping[str, Any]) -> None:
    """Raises what the operator would meet later where it reads the template."""
    state_file.known(template["metadata"], _Metadata)
    containers = state_file.known(template["spec"], _PodSpec).containers
    if not containers:
        raise ValueError("the template has no container")
    for container in containers:
        for each in state_file.known(container, _Container).env:
            state_file.known(each, _Variable)


@dataclass(frozen=True)
class Choice:
    """The revision that is to serve. `pinned`: it was asked for; `because` says why another one does not."""

    target: RecordedRevision
    pinned: bool = False
    because: Failure | None = None


def choose(
    history: Sequence[RecordedRevision],
    wanted: RecordedRevision,
    pin: Pin | None,
    inputs: str,
    proved: Sequence[int | None],
) -> Choice:
    """Which revision is to serve. `proved`: numbers of revisions that have served, the last one first."""
    if pin and pin.inputs == inputs:
        return as_asked(history, pin, inputs) or _in_place_of(history, wanted, pin, proved)
    if not wanted.failed:
        return Choice(wanted)
    return Choice(fallback(history, wanted, proved) or wanted, because=wanted.failure)


def as_asked(history: Sequence[RecordedRevision], pin: Pin | None, inputs: str) -> Choice | None:
    """The revision that was asked for, if that holds and can be met."""
    if pin is None or pin.inputs != inputs or pin.failed:
        return None
    return next((Choice(each, pinned=True) for each in history if str(each.number) == pin.number), None)


def _in_place_of(
    history: Sequence[RecordedRevision], wanted: RecordedRevision, pin: Pin, proved: Sequence[int | None]
) -> Choice:
    """What serves goes on serving where the revision that was asked for cannot."""
    target = instead_of(history, int(pin.number) if pin.number.isdecimal() else 0, proved) or wanted
    failure = pin.failure
    if not pin.failed:
        kept = ", ".join(str(each.number) for each in history)
        failure = Failure(reasons.REVISION_NOT_FOUND, f"there is no revision {pin.number}; kept are: {kept}")
    message = f"{names.SERVE_ANNOTATION}={pin.number}: {failure.message}"
    return Choice(target, because=failure._replace(message=message))


def instead_of(
    history: Sequence[RecordedRevision], number: int, proved: Sequence[int | None]
) -> RecordedRevision | None:
    """The revision that goes on serving where this one was asked for, which cannot serve."""
    return served_last([each for each in history if each.number != number and not each.failed], proved)


def fallback(
    history: Sequence[RecordedRevision], target: RecordedRevision, proved: Sequence[int | None]
) -> RecordedRevision | None:
    """The revision to go back to from this one."""
    return served_last([each for each in history if each.number < target.number and not each.failed], proved)


def served_last(history: Sequence[RecordedRevision], proved: Sequence[int | None]) -> RecordedRevision | None:
    """The revision of these that has served last."""
    known = {each.number: each for each in history}
    return next((known[number] for number in proved if number in known), None)


def locks(history: Sequence[RecordedRevision], proved: Sequence[int | None]) -> tuple[str, ...]:
    """Digests of the locks of revisions that have served, the last one first; `proved` as for choose()."""
    by_number = {each.number: each for each in history}
    served = [by_number[number] for number in proved if number in by_number]
    sound = [each for each in reversed(history) if not each.failed] if served else []
    return tuple(each.revision.lock for each in (*served, *sound))
