"""Records a revision of a deployment on this machine: its folder and its record file."""

from datetime import UTC, datetime

from localmodel.resource import capture, replay
from localmodel.targets.machine import revision_folder
from localmodel.targets.machine.resolve import Desired
from localmodel.targets.machine.runner import BuiltEnvironment
from localmodel.targets.machine.state import RevisionRecord, State
from localmodel.updates import plan
from localmodel.updates.plan import Facts

# Recorded until the revision serves, because a command can be killed.
UNFINISHED = "Unfinished: it has not served yet"


def write(
    place: State,
    target: str,
    desired: Desired,
    facts: Facts,
    environment: BuiltEnvironment,
    before: RevisionRecord | None,
    observed: Facts | None,
    again: bool,
) -> RevisionRecord:
    """Write the revision; with `again`, write the same one a second time if it is the latest.

    `before` is the revision that serves or served last; `observed` are the facts that the plan has compared with.
    """
    latest = max(place.numbers(), default=0)
    last = place.known(latest)
    # An ended server is started again with the same revision; a failed revision is tried again as a new one.
    same = last if again and last is not None and last.revision == desired.revision and not last.failed else None
    number = latest if same else place.next_number()
    record = RevisionRecord(
        number=number,
        revision=desired.revision,
        cause=same.cause if same else _cause(desired, facts, before, observed),
        created=same.created if same else datetime.now(UTC).isoformat(timespec="seconds"),
        environment={
            **revision_folder.write(place.folder(number), place.name, number, desired, environment),
            **capture.variables(desired.spec.capture, place.capture),
            **replay.settings(desired.spec.replay),
        },
        build=environment.key,
        target=target,
        code=desired.code,
        facts=facts.as_json(),
        failed=same.failed if same else UNFINISHED,
    )
    place.keep(record)
    place.set_newest(number)
    return record


def _cause(desired: Desired, facts: Facts, before: RevisionRecord | None, observed: Facts | None) -> str:
    """Why there is a new revision, in words."""
    if before is None:
        return desired.revision.changes_from(None, 0)
    return plan.cause(facts, observed, desired.revision.changes_from(before.revision, before.number))
