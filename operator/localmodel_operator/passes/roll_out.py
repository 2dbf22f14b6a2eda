"""Rolling out: the Deployment's template names the revision, and pods roll until every one was started with it."""

from collections.abc import Sequence
from dataclasses import replace

from localmodel import reasons
from localmodel_operator import children, managed_fields
from localmodel_operator.cluster import Object, RefusedError
from localmodel_operator.managed_fields import ForeignFields
from localmodel_operator.passes.context import RESYNC, Pass, Waiting
from localmodel_operator.passes.give_up import fail, give_up
from localmodel_operator.passes.observed import Observed, listed
from localmodel_operator.pods import rollout_status
from localmodel_operator.records.history import Choice, RecordedRevision
from localmodel_operator.status import conditions, events, report
from localmodel_operator.status.conditions import Condition


async def roll_out(context: Pass, choice: Choice, observed: Observed) -> None:
    """Have pods started with the revision, whose image is delivered. Returns when every one was.

    Raises:
        Waiting, UserError.
    """
    await follow(context, choice, observed, await begin(context, choice.target, observed))


async def begin(context: Pass, target: RecordedRevision, observed: Observed, *, serves_already: bool = False) -> Object:
    """Have pods started with the revision, whose image is delivered. Returns the Deployment that says so.

    `serves_already`: running pods have it, and starting others is not what its users wait for.

    Raises:
        Waiting, UserError.
    """
    if observed.started_with != target.number:
        await _end_durable(context, target, serves_already)
    foreign = managed_fields.read(observed.deployment) if observed.deployment else ForeignFields()
    await _report_foreign(context, foreign)
    if context.spec.autoscaling and observed.deployment:
        await _hand_over_replicas(context, observed.deployment)
    is_edited = observed.started_with != target.number or bool(
        observed.deployment and children.pods_differ(observed.deployment, context.spec)
    )
    outlived = rollout_status.outlived(observed.deployment, is_edited=is_edited)
    deployment = children.deployment(context.owner, context.spec, target.template, outlived)
    applied = await _apply(context, target, deployment, foreign.container)
    if is_edited and outlived != (meanwhile := rollout_status.outlived(applied, is_edited=True)):
        applied = await context.apply(children.deployment(context.owner, context.spec, target.template, meanwhile))
    return applied


async def follow(context: Pass, choice: Choice, observed: Observed, applied: Object) -> None:
    """Report how far the roll is. Returns when every pod was started with the revision.

    Raises:
        Waiting, UserError.
    """
    target, status, cluster = choice.target, context.status, context.operator.cluster
    state = rollout_status.judge(applied, await listed(cluster, *context.key), target.number)
    status.values["replicas"] = state.replicas
    if state.complete:
        note_durable(context, target)
        return
    note_rolling(context, target)
    if state.failure is None:
        if not status.verified:
            status.progress(reasons.ROLLING_OUT, f"pods of revision {target.number} are starting")
        raise Waiting(RESYNC)
    reason, message = state.failure
    status.durable = Condition(False, reason, message)
    if state.stalled and reason in rollout_status.OF_THE_REVISION and not state.lasted:
        await give_up(context, choice, observed, reason, message)
    if status.verified and not state.late:
        raise Waiting(RESYNC)  # the service goes on
    if state.stalled or state.late:
        fail(context, reason, message)
    else:
        status.progress(reason, status.with_serving(message))
    raise Waiting(RESYNC)


async def _end_durable(context: Pass, target: RecordedRevision, serves_already: bool) -> None:
    """Report that pods are replaced before they are: an operator that is killed in between leaves no false Durable."""
    if not conditions.holds(context.last_status, "Durable"):
        return
    note_rolling(context, target)
    if not (context.status.verified or serves_already):
        context.status.progress(reasons.ROLLING_OUT, f"pods of revision {target.number} are starting")
    await context.report()


async def _apply(context: Pass, target: RecordedRevision, wanted: Object, reported: Sequence[str]) -> Object:
    """Apply the Deployment, and undo what others have set in its container, which is no part of the revision.

    `reported` are the fields of others that were reported already.

    Raises:
        UserError, Waiting.
    """
    applied = await context.apply(wanted)
    written = managed_fields.read(applied).container
    if not written:
        return applied
    await _report_foreign(context, ForeignFields(tuple(name for name in written if name not in reported)))
    await _end_durable(context, target, serves_already=False)
    (container,) = wanted["spec"]["template"]["spec"]["containers"]
    try:
        return await context.operator.cluster.put_back(applied, container)
    except RefusedError as error:
        if error.code not in (404, 409):
            raise
        raise Waiting(0.0) from None  # it has changed again


async def _hand_over_replicas(context: Pass, deployment: Object) -> None:
    """Have the pods stay as many as they are when the operator no longer says how many.

    Raises:
        Waiting.
    """
    if not managed_fields.has(deployment, "replicas"):  # else there would be 1
        return
    try:
        await context.operator.cluster.hand_over_replicas(deployment)
    except RefusedError as error:
        if error.code not in (404, 409):
            raise
        raise Waiting(0.0) from None  # it has changed


async def _report_foreign(context: Pass, foreign: ForeignFields) -> None:
    if context.spec.autoscaling:
        foreign = replace(foreign, scaled_by="")
    for reason, message in managed_fields.news(context.name, foreign):
        event = events.warning(context.owner, reason, message)
        await report.record_event(context.operator.cluster, context.namespace, event)


def note_durable(context: Pass, target: RecordedRevision) -> None:
    """Note that a restart changes nothing any more."""
    context.status.durable = Condition(
        True, reasons.ALL_DURABLE, f"every pod was started with revision {target.number}"
    )
    context.status.revisions(durable=target.number)


def note_rolling(context: Pass, target: RecordedRevision) -> None:
    """Note that pods are still being replaced."""
    context.status.durable = Condition(False, reasons.ROLLING_OUT, f"pods of revision {target.number} are starting")
    context.status.revisions(durable=None)
