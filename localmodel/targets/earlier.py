"""Chooses the revision that a rollback goes to, for all targets."""

from collections.abc import Iterable

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.targets.target import PastRevision


def choose(
    name: str, revisions: Iterable[PastRevision], serving: int | None, before: int | None, to: int | None
) -> PastRevision:
    """Revision `to`, or else the one that served before: `before`, if it is known and still kept.

    Raises:
        UserError: RevisionNotFound.
    """
    kept = {revision.revision: revision for revision in revisions}
    if to is not None:
        fitting = [to] if to in kept else []
    elif before in kept and before != serving:
        fitting = [before]
    else:
        fitting = [number for number in kept if number < (serving or 0) and not kept[number].failed]
    if fitting:
        return kept[max(fitting)]
    numbers = ", ".join(map(str, sorted(kept))) or "none"
    asked = f"revision {to}" if to is not None else f"a revision that served before {serving}"
    raise UserError(
        reasons.REVISION_NOT_FOUND,
        f"{name}: {asked} is not kept (kept: {numbers}); spec.revisionHistoryLimit says how many are",
    )
