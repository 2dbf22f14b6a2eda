"""Whether the revision that serves may go on, and how well it does, by the answers that its pods have counted."""

from collections.abc import Iterable

from localmodel import reasons
from localmodel_operator.passes.context import Pass, Waiting
from localmodel_operator.passes.give_up import give_up
from localmodel_operator.passes.observed import Observed
from localmodel_operator.pods import error_rate, failing_share
from localmodel_operator.pods.pod_state import PodState
from localmodel_operator.pods.pods import Pod
from localmodel_operator.records.history import Choice, RecordedRevision
from localmodel_operator.status import conditions
from localmodel_operator.status.conditions import Condition

# Seconds between looks: at a revision on trial, at one that may still be given up, and at one of which a share fails.
_ON_TRIAL, _WATCHED, _FAILING = 0.5, 2.0, 15.0
_KILLED = (
    "Workers of revision {} were killed for lack of memory, and replaced; raise spec.resources.limits.memory, or mend "
    "what grows"
)


async def judge(context: Pass, choice: Choice, observed: Observed) -> list[PodState]:
    """Give the revision up if it fails requests that the one before it answered. Returns what its pods have counted.

    Raises:
        Waiting: it was given up.
    """
    if choice.pinned or choice.because:
        return []
    states = _states(observed.pods, choice.target)
    if error_rate.is_watched(states):
        context.look_again(_ON_TRIAL if error_rate.on_trial(states) else _WATCHED)
    if verdict := error_rate.verdict(states):
        await give_up(context, choice, observed, reasons.ERROR_RATE, verdict)
    return states


def hold_if_bad(context: Pass, target: RecordedRevision, states: list[PodState]) -> None:
    """Wait for a few more answers before Ready is reported, if most have failed so far.

    Raises:
        Waiting.
    """
    if error_rate.on_trial(states) and error_rate.looks_bad(states):
        text = f"most requests to revision {target.number} have failed so far; a few more are waited for"
        context.status.progress(reasons.PROVING, text)
        raise Waiting(_ON_TRIAL)


def is_on_trial(choice: Choice, observed: Observed) -> bool:
    """Whether no pod is replaced yet, because going back is quick while the workers of the revision before live."""
    if choice.pinned or choice.because or observed.started_with == choice.target.number:
        return False
    states = _states(observed.pods, choice.target)
    return error_rate.on_trial(states) and not error_rate.is_busy(states)


def hold_back(context: Pass, target: RecordedRevision) -> None:
    """Report that no pod is replaced yet, and look again soon."""
    seconds, requests = error_rate.TRIAL_SECONDS, error_rate.TRIAL_REQUESTS
    when = f"when it has answered {requests} requests, or served for {seconds:g} s"
    context.status.durable = Condition(False, reasons.PROVING, f"pods of revision {target.number} start {when}")
    context.status.revisions(durable=None)
    context.look_again(_ON_TRIAL)


def note_failing(context: Pass, pods: Iterable[Pod], number: int | None) -> None:
    """Note which share of the requests to revision `number`, which serves, fails."""
    serving = [pod for pod in pods if number is not None and pod.serving == number]
    states = [pod.state for pod in serving if pod.state]
    if serving and not states:
        return  # no pod answers the operator now
    before = conditions.find(context.last_status, "Degraded").get("message", "")
    share = failing_share.describe(states, number or 0, before)
    killed = _KILLED.format(number) if any(state.killed_for_memory for state in states) else ""
    context.status.degraded = ". ".join(filter(None, (share, killed)))
    if share:
        context.look_again(_FAILING)


def _states(pods: Iterable[Pod], target: RecordedRevision) -> list[PodState]:
    return [pod.state for pod in pods if pod.state and pod.has(target)]
