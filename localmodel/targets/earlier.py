"""Which earlier revision a rollback goes to, whichever target keeps them."""

from collections.abc import Iterable

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.targets.target import PastRevision


def choose(
    name: str, revisions: Iterable[PastRevision], serving: int | None, before: int | None, to: int | None
) -> PastRevision:
    """Revision `to`, or the one that served before; that is `before`, where it is known and kept.

    Raises:
        UserError: RevisionNotFound.
    """
    kept = {one.revision: one for one in revisions}
    if to is not None:
        fitting = [to] if to in kept else []
    elif before in kept and before != serving:
        fitting = [before]
    else:
        fitting = [number for number in kept if number < (serving or 0) and not kept[number].failed]
    if fitting:
        return kept[max(fitting)]
    there = ", ".join(map(str, sorted(kept))) or "none"
    asked = f"revision {to}" if to is not None else f"a revision that served before {serving}"
    raise UserError(
        reasons.REVISION_NOT_FOUND,
        f"{name}: {asked} is not kept (kept: {there}); spec.revisionHistoryLimit says how many are",
    )
