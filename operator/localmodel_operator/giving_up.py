"""Giving a revision up: it is not tried again until an input changes, and the one before it serves."""

import logging
from typing import NoReturn

from localmodel import advice
from localmodel.advice import Known
from localmodel_operator import history, names
from localmodel_operator.case import RESYNC, Case, Waiting
from localmodel_operator.cluster import REVISION
from localmodel_operator.history import Recorded
from localmodel_operator.world import World

log = logging.getLogger(__name__)

_ANNOTATION_LIMIT = 4096


async def give_up(case: Case, target: Recorded, found: World, reason: str, message: str) -> NoReturn:
    """Not this revision. If there is one to go back to, the next pass does, which comes at once.

    Raises:
        Waiting: always.
    """
    files = {
        each.number: list(each.facts.files) for each in found.history if each.facts and each.number < target.number
    }
    message = advice.more(message, Known(case.models, files))
    if history.fallback(found.history, target, case.proved):
        log.info("%s/%s: revision %d failed: %s: %s", *case.key, target.number, reason, message)
        failed = {names.FAILED_ANNOTATION: f"{reason}: {message}"[:_ANNOTATION_LIMIT]}
        await case.site.cluster.annotate(REVISION, case.namespace, f"{case.name}-r{target.number}", failed)
        back = "; the last revision that served is started again" if case.spec.strategy == "Recreate" else ""
        case.seen.progress("RollingBack", case.seen.with_serving(f"{message}{back}"))
        raise Waiting(0.0)
    fail(case, reason, message)
    raise Waiting(RESYNC)


def fail(case: Case, reason: str, message: str) -> None:
    """Say what is wrong, and that nothing more will happen by itself."""
    case.seen.fail(reason, case.seen.with_serving(message))
    if reason == "GateFailed":
        case.seen.stage("GatePassed", False, reason, message)
