"""Making it last: the image is delivered, the template names it, and pods roll until every one was started with it."""

import asyncio
from collections.abc import Sequence

from localmodel import image
from localmodel.errors import UserError
from localmodel_operator import children, managed_fields
from localmodel_operator.cluster import Object, Refused
from localmodel_operator.images import delivery_news
from localmodel_operator.passes import observed
from localmodel_operator.passes.context import RESYNC, Case, Waiting
from localmodel_operator.passes.give_up import fail, give_up
from localmodel_operator.passes.observed import World
from localmodel_operator.pods import rollout_status
from localmodel_operator.records.history import Choice, Recorded
from localmodel_operator.status import builder, events, report


async def deliver(case: Case, target: Recorded, found: World) -> None:
    """See to it that pods can be started with the image. Returns when they can, everywhere or at least somewhere.

    Raises:
        Waiting, UserError.
    """
    delivery, seen = case.site.delivery, case.seen
    seen.values["image"] = target.image
    if delivery_news.pull_trouble([pod.found for pod in found.pods]):
        delivery.doubt()
    if not await delivery.lacking(target.image):
        seen.stage("ImageDelivered", True, "Delivered", delivery.everywhere)
        return
    composed = await asyncio.to_thread(image.stored, case.site.layout, target.image)
    if composed is None:
        text = f"the image of revision {target.number} is gone; edit the resource to have another made"
        raise UserError("ImageLost", text)
    delivered = await delivery.deliver(composed, target.image, lambda: case.site.queue.add(case.key))
    if delivered.complete:
        seen.stage("ImageDelivered", True, "Delivered", delivery.everywhere)
        return
    failed = "DeliveryFailed" if delivered.failed else "Delivering"
    seen.stage("ImageDelivered", False, failed, delivered.message)
    if delivered.usable:
        if delivered.again_after is not None:
            case.site.queue.add_after(delivered.again_after, case.key)
        return
    if not seen.settled:
        seen.progress(failed, seen.with_serving(delivered.message))
    raise Waiting(delivered.again_after)


async def roll_out(case: Case, choice: Choice, found: World) -> None:
    """See to it that pods are started with the revision, whose image is delivered. Returns when all were.

    Raises:
        Waiting, UserError.
    """
    target, seen, told = choice.target, case.seen, case.owner.get("status", {})
    if found.started_with != target.number and builder.condition(told, "Durable").get("status") == "True":
        # Not to be left standing by an operator that ends right behind the next line.
        tell_that_it_rolls(case, target)
        if not seen.settled:
            seen.progress("RollingOut", f"pods of revision {target.number} are starting")
        await case.report()
    written = managed_fields.read(found.deployment) if found.deployment else managed_fields.Written()
    await _tell_of_others(case, written)
    applied = await _apply(case, children.deployment(case.owner, case.spec, target.template), written.container)
    listed = await observed.listed(case.site.cluster, *case.key)
    state = rollout_status.judge(applied, listed, target.number)
    seen.values["replicas"] = state.replicas
    if state.complete:
        tell_that_it_lasts(case, target)
        return
    tell_that_it_rolls(case, target)
    if state.failure is None:
        if not seen.settled:
            seen.progress("RollingOut", f"pods of revision {target.number} are starting")
        raise Waiting(RESYNC)
    reason, message = state.failure
    seen.durable = (False, reason, message)
    if state.stalled and reason in rollout_status.OF_THE_REVISION and not state.lasted:
        await give_up(case, choice, found, reason, message)
    if seen.settled and not state.late:
        raise Waiting(RESYNC)  # the service goes on
    if state.stalled or state.late:
        fail(case, reason, message)
    else:
        seen.progress(reason, seen.with_serving(message))
    raise Waiting(RESYNC)


async def _apply(case: Case, wanted: Object, told: Sequence[str]) -> Object:
    """The Deployment, with nothing in its container that others have set: it would run, and be no part of the revision.

    `told` is what has been told of it already.

    Raises:
        UserError, Waiting.
    """
    applied = await case.apply(wanted)
    written = managed_fields.read(applied).container
    if not written:
        return applied
    await _tell_of_others(case, managed_fields.Written(tuple(name for name in written if name not in told)))
    (container,) = wanted["spec"]["template"]["spec"]["containers"]
    try:
        return await case.site.cluster.put_back(applied, container)
    except Refused as error:
        if error.code not in (404, 409):
            raise
        raise Waiting(0.0) from None  # it has changed again


async def _tell_of_others(case: Case, written: managed_fields.Written) -> None:
    for reason, message in managed_fields.news(case.name, written):
        await report.tell(case.site.cluster, case.namespace, events.warning(case.owner, reason, message))


def tell_that_it_lasts(case: Case, target: Recorded) -> None:
    case.seen.durable = (True, "Durable", f"every pod was started with revision {target.number}")
    case.seen.revisions(durable=target.number)


def tell_that_it_rolls(case: Case, target: Recorded) -> None:
    case.seen.durable = (False, "RollingOut", f"pods of revision {target.number} are starting")
    case.seen.revisions(durable=None)
