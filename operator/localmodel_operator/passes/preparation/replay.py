"""Captured requests, asked of new pods before they serve: those of the pods that they are to replace.

Where running pods load the revision beside the one they serve, their servers do this by themselves.
"""

from collections.abc import Sequence
from dataclasses import replace

from localmodel import reasons
from localmodel_operator.passes.context import Pass
from localmodel_operator.passes.give_up import give_up
from localmodel_operator.passes.observed import Observed
from localmodel_operator.pods.admin import CannotTakeError, RevisionFailedError
from localmodel_operator.pods.pods import Pod
from localmodel_operator.records.history import Choice

_LOOK_AGAIN = 0.5  # seconds: no event tells that a pod has loaded what it holds


def is_due(context: Pass, choice: Choice, observed: Observed) -> bool:
    """Whether pods that start with the revision are to be asked something first. Nothing is in the way back."""
    if not context.spec.replay or context.spec.strategy == "Recreate" or choice.pinned or choice.because:
        return False
    return any(pod.serving and pod.serving < choice.target.number for pod in observed.pods)


async def ask_held(context: Pass, choice: Choice, observed: Observed) -> None:
    """Ask what starting pods hold, and have them serve.

    Raises:
        Waiting: it was given up.
        SupersededError, PodUnreachableError.
    """
    target, admin = choice.target, context.operator.admin
    held = [pod for pod in observed.pods if pod.state and pod.state.on_hold and pod.has(target)]
    if held and context.decision.hold:
        await _ask(context, choice, held[0], observed)
        await context.decide(replace(context.decision, hold=False))
    decided = context.decision
    for pod in held:
        await admin.commit(pod.object, decided.epoch, decided.content)
    if context.spec.replay and any(not pod.is_ready for pod in observed.pods):
        # One that started before the decision was changed waits, too.
        context.look_again(_LOOK_AGAIN)


async def _ask(context: Pass, choice: Choice, held: Pod, observed: Observed) -> None:
    asked: Sequence[Pod] = [pod for pod in observed.pods if pod.is_ready and pod.state and not pod.has(choice.target)]
    admin, decided, number = context.operator.admin, context.decision, choice.target.number
    text = f"revision {number} is asked captured requests before its pods serve"
    context.status.progress(reasons.UPDATING, context.status.with_serving(text, number))
    await context.report()
    for pod in asked:
        if (answered := await admin.answered(pod.object, context.spec.replay["last"])) is None:
            continue
        try:
            state = await admin.replay(held.object, decided.epoch, decided.content, answered)
        except CannotTakeError:
            continue
        except RevisionFailedError as error:
            await give_up(context, choice, observed, error.reason, str(error))
        if state and state.replayed and state.replayed.is_enough:
            return
