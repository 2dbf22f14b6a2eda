"""Whether what serves may go on serving, and how well it does: from the answers that its pods have counted."""

from collections.abc import Iterable

from localmodel_operator.passes.context import Case, Waiting
from localmodel_operator.passes.give_up import give_up
from localmodel_operator.passes.observed import World
from localmodel_operator.pods import error_rate, failing_share
from localmodel_operator.pods.pod_state import PodState
from localmodel_operator.pods.pods import Pod
from localmodel_operator.records.history import Choice, Recorded
from localmodel_operator.status import builder

# Seconds between looks: at a revision on trial, at one that may still be given up, and at one of which a share fails.
_ON_TRIAL, _WATCHED, _FAILING = 0.5, 2.0, 15.0
_KILLED = (
    "Workers of revision {} were killed for lack of memory, and replaced; raise spec.resources.limits.memory, or mend "
    "what grows"
)


async def judge(case: Case, choice: Choice, found: World) -> list[PodState]:
    """Give the revision up if it fails requests that the one before it answered; what was counted of it.

    Raises:
        Waiting: it was given up.
    """
    if choice.pinned or choice.because:
        return []
    states = _states(found.pods, choice.target)
    if error_rate.is_watched(states):
        case.look_again(_WATCHED)
    if verdict := error_rate.verdict(states):
        await give_up(case, choice, found, "ErrorRate", verdict)
    return states


def hold_if_bad(case: Case, target: Recorded, states: list[PodState]) -> None:
    """Give one that has failed so far a little longer before anything is said.

    Raises:
        Waiting.
    """
    if error_rate.on_trial(states) and error_rate.looks_bad(states):
        text = f"most requests to revision {target.number} have failed so far; a few more are waited for"
        case.seen.progress("Proving", text)
        raise Waiting(_ON_TRIAL)


def is_on_trial(choice: Choice, found: World) -> bool:
    """Whether no pod is to be replaced yet: the workers of the revision before are the quick way back."""
    if choice.pinned or choice.because or found.started_with == choice.target.number:
        return False
    return error_rate.on_trial(_states(found.pods, choice.target))


def hold_back(case: Case, target: Recorded) -> None:
    """Say that pods are not replaced yet, and look again soon."""
    seconds, requests = error_rate.TRIAL_SECONDS, error_rate.TRIAL_REQUESTS
    when = f"when it has answered {requests} requests, or served for {seconds:g} s"
    case.seen.durable = (False, "Proving", f"pods of revision {target.number} start {when}")
    case.seen.revisions(durable=None)
    case.look_again(_ON_TRIAL)


def note_failing(case: Case, there: Iterable[Pod], number: int | None) -> None:
    """What share of the requests to revision `number`, which serves, fails."""
    serving = [pod for pod in there if number is not None and pod.serving == number]
    states = [pod.state for pod in serving if pod.state]
    if serving and not states:
        return  # nobody says
    before = builder.condition(case.owner.get("status", {}), "Degraded").get("message", "")
    share = failing_share.told(states, number or 0, before)
    killed = _KILLED.format(number) if any(state.killed_for_memory for state in states) else ""
    case.seen.degraded = ". ".join(filter(None, (share, killed)))
    if share:
        case.look_again(_FAILING)


def _states(there: Iterable[Pod], target: Recorded) -> list[PodState]:
    return [pod.state for pod in there if pod.state and pod.has(target)]
