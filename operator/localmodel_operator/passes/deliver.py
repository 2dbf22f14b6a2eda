"""Delivering a revision's image to where its pods get it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.updates import image
from localmodel_operator.images import delivery_news
from localmodel_operator.passes.context import Pass, Waiting
from localmodel_operator.passes.observed import Observed
from localmodel_operator.pods.held_models import held_models
from localmodel_operator.records.history import RecordedRevision


@contextlib.asynccontextmanager
async def ahead(context: Pass, target: RecordedRevision, observed: Observed) -> AsyncIterator[None]:
    """A block during which the image is on its way already. `deliver()` joins in afterwards, and says what came of it.

    The block waits for nothing of it: a node that hangs must not hold up the revision's first answer.
    """
    sending = asyncio.create_task(_send_ahead(context, target, observed))
    try:
        yield
    finally:
        sending.cancel()  # transfers go on
        await asyncio.gather(sending, return_exceptions=True)


async def _send_ahead(context: Pass, target: RecordedRevision, observed: Observed) -> None:
    delivery = context.operator.delivery
    if await delivery.lacking(target.image):
        composed = await asyncio.to_thread(image.stored, context.operator.layout, target.image)
        if composed is not None:
            await delivery.deliver(composed, target.image, held_models(observed.pods, target), lambda: None)


async def deliver(context: Pass, target: RecordedRevision, observed: Observed) -> None:
    """Deliver the image, unless no pod is to start with it.

    Returns when pods can start with it, everywhere or at least somewhere.

    Raises:
        Waiting, UserError.
    """
    delivery, queue, status = context.operator.delivery, context.operator.queue, context.status
    status.values["image"] = target.image
    if delivery_news.pull_trouble([pod.object for pod in observed.pods]):
        delivery.doubt()
    if not await delivery.lacking(target.image):
        status.stage("ImageDelivered", True, reasons.DELIVERED, delivery.everywhere)
        return
    if context.spec.replicas == 0:
        text = "spec.replicas is 0: the image is sent when a pod is wanted"
        status.stage("ImageDelivered", False, reasons.SCALED_TO_ZERO, text)
        return
    composed = await asyncio.to_thread(image.stored, context.operator.layout, target.image)
    if composed is None:
        text = f"the image of revision {target.number} is gone; edit the resource to have another made"
        raise UserError(reasons.IMAGE_LOST, text)
    held = held_models(observed.pods, target)
    delivered = await delivery.deliver(composed, target.image, held, lambda: queue.add(context.key))
    if delivered.complete:
        status.stage("ImageDelivered", True, reasons.DELIVERED, delivery.everywhere)
        return
    reason = reasons.DELIVERY_FAILED if delivered.failed else reasons.DELIVERING
    status.stage("ImageDelivered", False, reason, delivered.message)
    if delivered.usable:
        if delivered.again_after is not None:
            queue.add_after(delivered.again_after, context.key)
        return
    if not status.verified:
        status.progress(reason, status.with_serving(delivered.message))
    raise Waiting(delivered.again_after)
