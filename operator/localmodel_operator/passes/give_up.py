"""Giving a revision up: it is not tried again until an input changes, and the one before it serves."""

import logging
from dataclasses import replace
from typing import NoReturn

from localmodel import advice
from localmodel.advice import Known
from localmodel_operator import names
from localmodel_operator.cluster import REVISION
from localmodel_operator.passes.context import RESYNC, Case, Waiting
from localmodel_operator.passes.observed import World
from localmodel_operator.records import history, pin
from localmodel_operator.records.history import Choice

log = logging.getLogger(__name__)

_LIMIT = 4096  # of what is kept of it


async def give_up(case: Case, choice: Choice, found: World, reason: str, message: str) -> NoReturn:
    """Not this revision. If there is one to go back to, the next pass does, which comes at once.

    Raises:
        Waiting: always.
    """
    target = choice.target
    files = {
        each.number: list(each.facts.files) for each in found.history if each.facts and each.number < target.number
    }
    message = advice.more(message, Known(case.models, files))
    failed = f"{reason}: {message}"[:_LIMIT]
    request = pin.parse(case.decided.pin) if choice.pinned else None
    if request and history.instead_of(found.history, target.number, case.proved):
        # Whatever its record says: it was asked for, and is asked for again only in so many words.
        await case.decide(replace(case.decided, pin=replace(request, failed=failed).text()))
    elif history.fallback(found.history, target, case.proved):
        named = f"{case.name}-r{target.number}"
        await case.site.cluster.annotate(REVISION, case.namespace, named, {names.FAILED_ANNOTATION: failed})
    else:
        fail(case, reason, message)
        raise Waiting(RESYNC)
    log.info("%s/%s: revision %d failed: %s: %s", *case.key, target.number, reason, message)
    back = "; the last revision that served is started again" if case.spec.strategy == "Recreate" else ""
    case.seen.progress("RollingBack", case.seen.with_serving(f"{message}{back}"))
    raise Waiting(0.0)


def fail(case: Case, reason: str, message: str) -> None:
    """Say what is wrong, and that nothing more will happen by itself."""
    case.seen.fail(reason, case.seen.with_serving(message))
    if reason == "GateFailed":
        case.seen.stage("GatePassed", False, reason, message)
