"""The revisions of a deployment on this machine that can be served again."""

from dataclasses import asdict
from functools import partial

from localmodel import reasons
from localmodel.disk import state_file
from localmodel.targets.machine.state import RevisionRecord, State
from localmodel.targets.target import PastRevision


def of(place: State, serving: int | None) -> list[PastRevision]:
    """The deployment's revisions, newest first."""
    wanted, status = state_file.or_skip(place.main.wanted), state_file.or_skip(place.main.status)
    # A server that returns to the previous revision by itself reports it, but cannot record it here.
    gone_back = f"{status.reason or reasons.REVISION_FAILED}: {status.error}" if status and status.error else ""
    durable, revisions = state_file.or_skip(place.durable), []
    for number in reversed(place.numbers()):
        if record := state_file.or_skip(partial(place.record, number)):
            revisions.append(_past(record, serving, durable, gone_back if number == wanted else ""))
    return revisions


def _past(record: RevisionRecord, serving: int | None, durable: int | None, failed: str) -> PastRevision:
    models = record.environment.get("LOCALMODEL_MODEL", "")
    return PastRevision(
        revision=record.number,
        created=record.created,
        cause=record.cause,
        content=record.revision.content,
        code=record.code,
        models=dict(model.split("@", 1) for model in models.split(",") if model),
        digests=asdict(record.revision),
        serving=record.number == serving,
        durable=record.number == durable,
        failed=record.failed or failed,
    )
