"""The revisions of a resource in its ControllerRevisions, and the choice of the one that serves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from localmodel import digests, reasons
from localmodel.cluster_records import names, revisions
from localmodel.disk import state_file
from localmodel.updates.plan import Facts
from localmodel.updates.revision import Revision
from localmodel_operator.cluster import Object
from localmodel_operator.failure import Failure
from localmodel_operator.records.keys import Signer
from localmodel_operator.records.pin import Pin

_PURPOSE = "localmodel.dev/revision"


@dataclass(frozen=True)
class RecordedRevision:
    """A recorded revision. `inputs` is the digest of the user's wishes, which `image` and `template` serve.

    `failed` says why it does not serve ("Reason: message"); it is not tried again until an input changes.
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
        """Why it does not serve, parsed from `failed`."""
        return Failure.parse(self.failed)


def signature(owner: str, record: Mapping[str, Any], signer: Signer) -> dict[str, str]:
    """The annotation that marks a ControllerRevision of this owner (`decision.owner_of()`) as ours."""
    return {names.SIGNATURE_ANNOTATION: signer.sign(_PURPOSE, _signed(owner, record))}


def is_ours(owner: str, record: Mapping[str, Any], signer: Signer) -> bool:
    """Whether the operator has recorded exactly this revision of the owner under this name."""
    annotation = record["metadata"].get("annotations", {}).get(names.SIGNATURE_ANNOTATION, "")
    try:
        payload = _signed(owner, record)
    except (ValueError, RecursionError):  # text that is not Unicode, or nested too deeply, was never signed
        return False
    return signer.has_signed(_PURPOSE, payload, annotation)


def read(record: Mapping[str, Any]) -> RecordedRevision | None:
    """The revision in a ControllerRevision, or None if it has anything else."""
    try:
        _signed("", record)
        return recorded(record)
    except Exception:
        return None


def _signed(owner: str, record: Mapping[str, Any]) -> bytes:
    content = {
        "owner": owner,
        "name": record["metadata"]["name"],
        "revision": record["revision"],
        "data": record.get("data"),
    }
    return digests.canonical_json(content)


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


def recorded(record: Mapping[str, Any]) -> RecordedRevision:
    """Read a ControllerRevision of ours.

    Raises:
        Exception: it is something else. Use `read()` for records that others may have written.
    """
    data = revisions.read(record)
    _check_template(data.template)
    return RecordedRevision(
        state_file.typed(record["revision"], int),
        data.inputs,
        data.image,
        dict(data.template),
        data.digests,
        data.environment,
        data.entryScript,
        data.models,
        Facts.from_json(data.facts),
        revisions.failure(record),
    )


def _check_template(template: Mapping[str, Any]) -> None:
    """Check the parts of the template that the operator reads later.

    Raises:
        Exception: a part has another form.
    """
    state_file.known(template["metadata"], _Metadata)
    containers = state_file.known(template["spec"], _PodSpec).containers
    if not containers:
        raise ValueError("the template has no container")
    for container in containers:
        for variable in state_file.known(container, _Container).env:
            state_file.known(variable, _Variable)


@dataclass(frozen=True)
class Choice:
    """The revision that is to serve. `pinned` says that it was asked for, `because` why another one does not serve."""

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
    """Choose the revision to serve. `proved` are numbers of revisions that have served, the last one first."""
    if pin and pin.inputs == inputs:
        return as_asked(history, pin, inputs) or _in_place_of(history, wanted, pin, proved)
    if not wanted.failed:
        return Choice(wanted)
    return Choice(fallback(history, wanted, proved) or wanted, because=wanted.failure)


def as_asked(history: Sequence[RecordedRevision], pin: Pin | None, inputs: str) -> Choice | None:
    """The choice of the revision that was asked for, if the request still holds and the revision exists."""
    if pin is None or pin.inputs != inputs or pin.failed:
        return None
    return next((Choice(revision, pinned=True) for revision in history if str(revision.number) == pin.number), None)


def _in_place_of(
    history: Sequence[RecordedRevision], wanted: RecordedRevision, pin: Pin, proved: Sequence[int | None]
) -> Choice:
    """The choice of the revision that continues to serve if the requested one cannot."""
    target = instead_of(history, int(pin.number) if pin.number.isdecimal() else 0, proved) or wanted
    failure = pin.failure
    if not pin.failed:
        kept = ", ".join(str(revision.number) for revision in history)
        failure = Failure(reasons.REVISION_NOT_FOUND, f"there is no revision {pin.number}; kept are: {kept}")
    message = f"{names.SERVE_ANNOTATION}={pin.number}: {failure.message}"
    return Choice(target, because=failure._replace(message=message))


def instead_of(
    history: Sequence[RecordedRevision], number: int, proved: Sequence[int | None]
) -> RecordedRevision | None:
    """The revision that continues to serve if the one with this number was asked for and cannot."""
    return served_last([revision for revision in history if revision.number != number and not revision.failed], proved)


def fallback(
    history: Sequence[RecordedRevision], target: RecordedRevision, proved: Sequence[int | None]
) -> RecordedRevision | None:
    """The revision to go back to from the target."""
    return served_last(
        [revision for revision in history if revision.number < target.number and not revision.failed], proved
    )


def served_last(history: Sequence[RecordedRevision], proved: Sequence[int | None]) -> RecordedRevision | None:
    """The revision in the history that served last."""
    known = {revision.number: revision for revision in history}
    return next((known[number] for number in proved if number in known), None)


def locks(history: Sequence[RecordedRevision], proved: Sequence[int | None]) -> tuple[str, ...]:
    """Digests of the locks of revisions that have served, the last one first; `proved` is as in `choose()`."""
    by_number = {revision.number: revision for revision in history}
    served = [by_number[number] for number in proved if number in by_number]
    sound = [revision for revision in reversed(history) if not revision.failed] if served else []
    return tuple(revision.revision.lock for revision in (*served, *sound))
