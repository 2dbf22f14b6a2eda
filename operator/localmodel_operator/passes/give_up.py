"""Giving a revision up: it is not tried again until an input changes, and the one before it serves."""

import logging
from dataclasses import replace
from typing import NoReturn

from localmodel import advice, reasons
from localmodel.advice import Known
from localmodel.cluster_records import names
from localmodel.cluster_records.revisions import record_name
from localmodel.reasons import Reason
from localmodel_operator.cluster import REVISION
from localmodel_operator.failure import Failure
from localmodel_operator.passes.context import RESYNC, Pass, Waiting
from localmodel_operator.passes.observed import Observed
from localmodel_operator.records import history, pin
from localmodel_operator.records.history import Choice

log = logging.getLogger(__name__)


async def give_up(context: Pass, choice: Choice, observed: Observed, reason: Reason, message: str) -> NoReturn:
    """Record that the revision has failed. The next pass, which comes at once, goes back to another if there is one.

    Raises:
        Waiting: always.
    """
    target = choice.target
    files = {
        past.number: list(past.facts.files) for past in observed.history if past.facts and past.number < target.number
    }
    message = advice.more(message, Known(context.models, files))
    failed = Failure(reason, message).text
    request = pin.parse(context.decision.pin) if choice.pinned else None
    if request and history.instead_of(observed.history, target.number, context.proved):
        # The failure goes with the request: a new request tries the revision again.
        await context.decide(replace(context.decision, pin=replace(request, failed=failed).text()))
    elif history.fallback(observed.history, target, context.proved):
        record = record_name(context.name, target.number)
        await context.operator.cluster.annotate(REVISION, context.namespace, record, {names.FAILED_ANNOTATION: failed})
    else:
        fail(context, reason, message)
        raise Waiting(RESYNC)
    log.info("%s/%s: revision %d failed: %s: %s", *context.key, target.number, reason, message)
    back = "; the last revision that served is started again" if context.spec.strategy == "Recreate" else ""
    context.status.progress(reasons.ROLLING_BACK, context.status.with_serving(f"{message}{back}"))
    raise Waiting(0.0)


def fail(context: Pass, reason: Reason, message: str) -> None:
    """Report what is wrong, and that nothing more will happen by itself."""
    context.status.fail(reason, context.status.with_serving(message))
    if reason == reasons.GATE_FAILED:
        context.status.stage("GatePassed", False, reason, message)
    if reason == reasons.REPLAY_FAILED:
        context.status.stage("Replayed", False, reason, message)
