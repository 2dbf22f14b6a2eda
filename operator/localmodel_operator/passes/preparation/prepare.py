"""Preparing running pods for a revision: the decision is written first, then a warm swap where the pods can take it."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace

from localmodel import exclusive, reasons
from localmodel.resource import gate
from localmodel_operator import children
from localmodel_operator.inputs.resolve import Desired
from localmodel_operator.passes import deliver
from localmodel_operator.passes.context import Pass
from localmodel_operator.passes.gather import gather_both
from localmodel_operator.passes.give_up import give_up
from localmodel_operator.passes.observed import Observed
from localmodel_operator.passes.preparation import build, replay, swap
from localmodel_operator.passes.preparation.bundles import Bundles
from localmodel_operator.pods import pods
from localmodel_operator.pods.admin import CannotTakeError, RevisionFailedError
from localmodel_operator.pods.pods import Pod
from localmodel_operator.records import history
from localmodel_operator.records.decision import Decision
from localmodel_operator.records.history import Choice

log = logging.getLogger(__name__)


async def prepare_pods(
    context: Pass, choice: Choice, previous: Decision, desired: Desired, observed: Observed
) -> Observed:
    """Write down which revision is to serve, and have running pods serve it if they can. Returns what there is then.

    previous: the decision before, with the user's wishes as they are now.

    Raises:
        Waiting, SupersededError, PodUnreachableError.
    """
    target, is_wanted = choice.target, desired.inputs == choice.target.inputs
    requests = desired.bundle.gate if is_wanted else ()
    obstacle = _swap_obstacle(context, choice, observed)
    bundles = None if obstacle else await Bundles.of(context.operator, target, requests)
    hold = bundles is None and replay.is_due(context, choice, observed)
    await record(context, choice, previous, observed, bundles, gate.text(requests) if requests else b"", hold=hold)
    # Pods that are not ready are not waited for if the roll that follows replaces them.
    follows = observed.started_with != target.number
    behind = pods.behind(observed.pods, target, context.decision.epoch)
    late = [pod for pod in behind if pod.is_ready or not follows]
    if bundles is None or not late:
        return observed
    admin, epoch, content = context.operator.admin, context.decision.epoch, target.revision.content
    seconds = context.spec.progress_deadline_seconds
    try:
        async with _sending_ahead(context, choice, bundles, late, observed):
            preparing = swap.prepare(admin, late, epoch, content, bundles.for_pod, seconds)
            await gather_both(_announce(context, choice, desired, observed), preparing)
            await swap.commit(admin, late, epoch, content)
    except CannotTakeError as error:
        log.info("%s/%s: not swapped: %s", *context.key, error)
        if replay.is_due(context, choice, observed):
            await context.decide(replace(context.decision, hold=True))
        return observed
    except RevisionFailedError as error:
        advice = exclusive.advice(str(error), pods.answering_revision(observed.pods))
        await give_up(context, choice, observed, error.reason, f"{error}{advice}")
    observed = await context.observe()
    if not context.decision.committed:
        await context.decide(context.decision.as_committed())
    return observed


def _sending_ahead(
    context: Pass, choice: Choice, bundles: Bundles, late: Sequence[Pod], observed: Observed
) -> AbstractAsyncContextManager[None]:
    """A block during which nodes get the image already, unless they will take models in it from these pods, or no pod
    is wanted.
    """
    if context.spec.replicas == 0 or any(bundles.for_pod(pod).has_models for pod in late):
        return nullcontext()
    return deliver.ahead(context, choice.target, observed)


async def record(
    context: Pass,
    choice: Choice,
    previous: Decision,
    observed: Observed,
    bundles: Bundles | None,
    requests: bytes,
    *,
    hold: bool = False,
) -> None:
    """Write the decision that the choice is to serve, unless it stands there and pods obey it.

    `previous` is the decision before, with the user's wishes as they are now; `requests` are the gate's, as text;
    with `hold`, new pods load it, and wait.

    Raises:
        SupersededError
    """
    target = choice.target
    latest = pods.latest_epoch(observed.pods)
    # Somebody may have restored an older decision of ours: pods that know a later one do not obey it.
    is_obeyed = latest <= context.decision.epoch or not pods.behind(observed.pods, target, context.decision.epoch)
    if context.decision.epoch and context.decision.revision == target.number and is_obeyed:
        if previous != context.decision:
            await context.decide(previous)
        return
    following = previous.next(target, latest, hold=hold)
    late = pods.behind(observed.pods, target, following.epoch)
    # in a thread: models are hashed
    bundle = await asyncio.to_thread(bundles.for_later, late[0]) if bundles and late else b""
    await context.decide(following, requests, bundle)


def _swap_obstacle(context: Pass, choice: Choice, observed: Observed) -> str | None:
    """Why running pods cannot load the revision beside the one they serve, or None."""
    target, spec = choice.target, context.spec
    if observed.deployment is None:
        return "there are no pods yet"
    if any(not pod.has(target) for pod in observed.pods):
        # Back to what served may go the quick way, unless the failed revision holds what the other needs.
        if spec.strategy == "Recreate" or (spec.strategy == "Roll" and choice.because is None):
            return f"spec.update.strategy is {spec.strategy}"
        if field := children.pods_differ(observed.deployment, spec):
            return f"{field} has changed"
        is_decided = context.decision.revision == target.number and not context.decision.committed
        if is_decided and observed.started_with == target.number:
            return "pods of the new template are starting"
    return pods.swap_obstacle(observed.pods, target)


async def _announce(context: Pass, choice: Choice, desired: Desired, observed: Observed) -> None:
    """Report the swap, unless pods only catch up with what was committed."""
    if not context.decision.committed:
        text = _announcement(context, choice, desired, observed)
        context.status.progress(reasons.UPDATING, context.status.with_serving(text, choice.target.number))
        await context.report()


def _announcement(context: Pass, choice: Choice, desired: Desired, observed: Observed) -> str:
    """What is done, and why, in the planner's words."""
    before = history.served_last(observed.history, context.proved)
    if choice.because or choice.pinned or before is None:
        return f"revision {choice.target.number} is brought into the running pods"
    cause = build.cause(desired, choice.target.revision, before)
    return f"revision {choice.target.number} is brought into the running pods: {cause}"
