"""Trying a new revision on clients' requests beside the one that serves, as spec.update.shadow and canary say.

Which stage it is in is written down before pods are told, so that every pod, and every operator, goes on with that.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from localmodel import reasons
from localmodel.cluster_records import names, revisions
from localmodel.reasons import Reason
from localmodel.resource import gate, stages
from localmodel.resource.stages import Stage
from localmodel_operator import children
from localmodel_operator.children import Exposure
from localmodel_operator.cluster import REVISION
from localmodel_operator.failure import Failure
from localmodel_operator.inputs.resolve import Desired
from localmodel_operator.passes import deliver, optional_children, roll_out
from localmodel_operator.passes.context import RESYNC, Pass, Waiting
from localmodel_operator.passes.give_up import give_up
from localmodel_operator.passes.observed import Observed
from localmodel_operator.passes.preparation import prepare, swap
from localmodel_operator.passes.preparation.bundles import Bundles
from localmodel_operator.pods import pods, rollout_status
from localmodel_operator.pods.admin import CannotTakeError, RevisionFailedError
from localmodel_operator.pods.pods import Pod
from localmodel_operator.records.decision import Decision
from localmodel_operator.records.history import Choice, RecordedRevision
from localmodel_operator.trials import asked, figures, record, verdict
from localmodel_operator.trials.figures import Seen
from localmodel_operator.trials.record import Record

_LOOK_AGAIN = 2.0  # seconds until the figures are read again
_FIELDS = "spec.update.shadow and spec.update.canary"


@dataclass(frozen=True)
class Trial:
    """The trial of `target` beside `serving`; `is_begun`: pods may have been told of it."""

    target: RecordedRevision
    serving: RecordedRevision
    stages: Sequence[Stage]
    record: Record
    is_begun: bool

    @property
    def stage(self) -> Stage:
        return self.stages[self.record.stage]


def instead(context: Pass, choice: Choice, observed: Observed) -> Choice:
    """The choice, or what goes on serving if the trial of what was chosen has failed."""
    found, serving = record.parse(context.decision.trial), _serving(context, choice, observed)
    wanted = stages.of(context.spec.shadow, context.spec.canary)
    if serving and wanted and found and found.failed and found.is_of(choice.target.number, _settings(context)):
        return Choice(serving, because=Failure.parse(found.failed))
    return choice


def due(context: Pass, choice: Choice, observed: Observed) -> Trial | None:
    """The trial that is to go on, or to begin, before the chosen revision serves."""
    wanted, serving = stages.of(context.spec.shadow, context.spec.canary), _serving(context, choice, observed)
    if not wanted or serving is None:
        return None
    target, settings = choice.target, _settings(context)
    if observed.pods and all(pod.has(target) for pod in observed.pods):
        return None
    found = record.parse(context.decision.trial)
    if found is None or not found.is_of(target.number, settings):
        if not observed.pods and not _pods_wanted(context, observed):
            return None
        begins = Record(target.number, settings, began=int(time.time()))
        return Trial(target, serving, wanted, begins, is_begun=False)
    if found.passed:
        return None
    return Trial(target, serving, wanted, found, context.decision.revision == target.number)


async def stop(context: Pass, observed: Observed, choice: Choice | None = None) -> None:
    """End the trial in pods that are at one, unless it is that of the chosen revision.

    Without a choice it ends if the user's wishes are not those any more that it began with, or its figures speak
    against the revision.

    Raises:
        SupersededError
    """
    tried = context.decision.revision
    if choice is None:
        is_of_now = any(past.number == tried and past.inputs == context.decision.inputs for past in observed.history)
        if is_of_now and context.generation == context.decision.generation and not context.spec.suspend:
            await _end_if_bad(context, observed)
            return
    elif choice.target.number == tried:
        return
    await forget(context, observed.pods)


async def advance(
    context: Pass, trial: Trial, previous: Decision, desired: Desired, exposed: Exposure, observed: Observed
) -> NoReturn:
    """Go on with the trial as far as it can go now.

    Raises:
        Waiting: always; when the trial has passed, the next pass has the revision serve.
    """
    if evidence := _killed(trial.record, observed.pods):
        await _end(context, trial, observed, reasons.CANARY_FAILED, f"revision {trial.target.number}: {evidence}")
    if not _pods_wanted(context, observed):
        await _wait_for_pods(context, trial, exposed, observed)
    if not trial.is_begun or not any(pod.is_ready and pod.state for pod in observed.pods):
        # Pods that start while it lasts are to serve what serves now, with the resources that are wanted now.
        observed = await _keep_serving(context, trial, exposed, observed)
    told = await _prepare(context, trial, previous, desired, observed)
    await _tell(context, trial, told)
    seen = _seen(context, trial.stage, told)
    is_waiting = await _judge(context, trial, observed, seen)
    _report(context, trial, seen, is_waiting)
    context.look_again(_LOOK_AGAIN)
    await _keep_serving(context, trial, exposed, observed)
    raise Waiting


def _serving(context: Pass, choice: Choice, observed: Observed) -> RecordedRevision | None:
    """What serves and goes on if the chosen revision does not; None where nothing does, or somebody asks to go back."""
    if choice.pinned or choice.because or context.decision.good == choice.target.number:
        return None
    return next((past for past in observed.history if past.number == context.decision.good), None)


def _settings(context: Pass) -> str:
    return stages.digest(context.spec.shadow, context.spec.canary, context.spec.resources)


def _pods_wanted(context: Pass, observed: Observed) -> bool:
    return children.replicas(context.spec, observed.deployment) > 0


def _seen(context: Pass, stage: Stage, told: Iterable[Pod]) -> Seen:
    """What the pods have counted in this stage of the decided revision."""
    return figures.together(
        pod.state.trial.seen for pod in told if pod.state and pod.state.trial and _is_in(context, stage, pod)
    )


def _is_in(context: Pass, stage: Stage, pod: Pod) -> bool:
    """Whether the pod had been told of this stage of the decided revision, and not of one before, when it was asked."""
    if pod.state is None or pod.state.trial is None or pod.state.prepared != context.decision.epoch:
        return False
    return {"sticky": "", "force": "", **stage.as_trial()} == pod.state.trial.told


async def _keep_serving(context: Pass, trial: Trial, exposed: Exposure, observed: Observed) -> Observed:
    """Have what serves go on as the spec says of its pods and its address.

    Raises:
        Waiting, UserError.
    """
    observed = await optional_children.arrange(context, exposed, observed)
    await deliver.deliver(context, trial.serving, observed)
    await roll_out.roll_out(context, Choice(trial.serving), observed)
    return observed


async def _wait_for_pods(context: Pass, trial: Trial, exposed: Exposure, observed: Observed) -> NoReturn:
    """Have it rest while no pod is wanted: the first one is to serve what has been tried.

    Raises:
        Waiting: always.
    """
    await _keep_serving(context, trial, exposed, observed)
    await _judge(context, trial, observed, Seen())
    text = f"revision {trial.target.number} is tried on clients' requests when a pod is wanted"
    context.status.progress(reasons.CANARY_RUNNING, context.status.with_serving(text))
    raise Waiting(RESYNC)


async def _prepare(
    context: Pass, trial: Trial, previous: Decision, desired: Desired, observed: Observed
) -> Sequence[Pod]:
    """Have every pod that answers load the revision, once it is written down. Returns these pods.

    Raises:
        Waiting, SupersededError, PodUnreachableError.
    """
    target, choice = trial.target, Choice(trial.target)
    answering = [pod for pod in observed.pods if pod.state and not pod.has(target)]
    if obstacle := next(filter(None, (pods.pod_obstacle(pod, target) for pod in answering)), None):
        await _end(context, trial, observed, reasons.NO_ROOM_FOR_CANARY, _refused(obstacle))
    is_decided = context.decision.revision == target.number
    late = [pod for pod in answering if not is_decided or (pod.state and pod.state.prepared != context.decision.epoch)]
    if not any(pod.is_ready for pod in answering):
        context.status.progress(reasons.CANARY_RUNNING, context.status.with_serving("no pod answers the operator"))
        raise Waiting(_LOOK_AGAIN)
    requests = desired.bundle.gate if desired.inputs == target.inputs else ()
    bundles = await Bundles.of(context.operator, target, requests) if late else None
    if late and bundles is None:
        why = _refused("what it is made of is not in the operator's store any more")
        await _end(context, trial, observed, reasons.NO_ROOM_FOR_CANARY, why)
    written = replace(previous, trial=trial.record.text())
    await prepare.record(context, choice, written, observed, bundles, gate.text(requests) if requests else b"")
    if bundles is None:
        return answering
    epoch, content = context.decision.epoch, target.revision.content
    seconds = context.spec.progress_deadline_seconds
    text = f"revision {target.number} is loaded beside what serves, to be tried on clients' requests"
    context.status.progress(reasons.UPDATING, context.status.with_serving(text, target.number))
    await context.report()
    try:
        await swap.prepare(context.operator.admin, late, epoch, content, bundles.for_pod, seconds)
    except CannotTakeError as error:
        await _end(context, trial, observed, reasons.NO_ROOM_FOR_CANARY, _refused(str(error)))
    except RevisionFailedError as error:
        await forget(context, observed.pods)
        await give_up(context, choice, observed, error.reason, str(error))
    return answering


def _refused(why: str) -> str:
    return f"{_FIELDS} need both revisions in each pod, but {why}; take them out of the manifest for this edit"


async def _tell(context: Pass, trial: Trial, told: Sequence[Pod]) -> None:
    """Have the pods try it in this stage, as far as they do not.

    Raises:
        Waiting, SupersededError, PodUnreachableError.
    """
    others = [pod for pod in told if not _is_in(context, trial.stage, pod)]
    decided, how = context.decision, trial.stage.as_trial()
    calls = [context.operator.admin.try_out(pod.object, decided.epoch, decided.content, how) for pod in others]
    try:
        async with asyncio.timeout(context.spec.progress_deadline_seconds):
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
        swap.raise_first(outcomes, others)
    except (RevisionFailedError, TimeoutError) as error:
        text = f"it could not be tried on clients' requests: {error or 'it took too long'}"
        await forget(context, told)
        reason = error.reason if isinstance(error, RevisionFailedError) else reasons.PROGRESS_DEADLINE_EXCEEDED
        await give_up(context, Choice(trial.target), await context.observe(), reason, text)


async def _judge(context: Pass, trial: Trial, observed: Observed, seen: Seen) -> bool:
    """Go to the next stage, or end the trial, if it is time. Returns whether a person is waited for.

    Raises:
        Waiting: the next pass goes on.
    """
    annotations = context.owner["metadata"].get("annotations", {})
    number, generation = trial.target.number, context.generation
    if asked.names(annotations, names.ABORT_ANNOTATION, number, generation):
        text = f"revision {number} was given up, as {names.ABORT_ANNOTATION} asks"
        await _end(context, trial, observed, reasons.CANARY_ABORTED, text)
    if evidence := verdict.against(trial.stage, seen):
        await _end(context, trial, observed, reasons.CANARY_FAILED, f"revision {number}: {evidence}")
    if asked.names(annotations, names.PROMOTE_ANNOTATION, number, generation):
        await _go_on(context, replace(trial.record, passed=True))
    is_over = verdict.is_over(trial.stage, seen)
    is_last = trial.record.stage + 1 == len(trial.stages)
    if is_over and not is_last:
        await _go_on(context, replace(trial.record, stage=trial.record.stage + 1))
    is_manual = context.spec.canary.get("promote") == stages.MANUAL
    if is_over and not is_manual:
        await _go_on(context, replace(trial.record, passed=True))
    return is_over


async def _go_on(context: Pass, following: Record) -> NoReturn:
    if following.passed:
        await _mark(context, following, "")
    await context.decide(replace(context.decision, trial=following.text()))
    raise Waiting(0.0)


async def _end(context: Pass, trial: Trial, observed: Observed, reason: Reason, message: str) -> NoReturn:
    """Have the pods forget the revision, which is not tried again before it or what is asked of it is edited.

    Raises:
        Waiting: always.
    """
    await _give_up(context, trial.record, observed, reason, message)
    context.status.values["canary"] = None
    context.status.progress(reasons.ROLLING_BACK, context.status.with_serving(message))
    raise Waiting(0.0)


async def _give_up(context: Pass, tried: Record, observed: Observed, reason: Reason, message: str) -> None:
    failure = Failure(reason, message)
    await _mark(context, tried, failure.text)  # first: an operator that dies before it decides comes here again
    await context.decide(replace(context.decision, trial=tried.as_failed(failure).text()))
    await forget(context, observed.pods)


async def _mark(context: Pass, tried: Record, failure: str) -> None:
    """Write down with the revision why its trial failed, for `lmd history`; "" where it has not."""
    record_name = revisions.record_name(context.name, tried.revision)
    await context.operator.cluster.annotate(REVISION, context.namespace, record_name, {names.TRIAL_ANNOTATION: failure})


async def _end_if_bad(context: Pass, observed: Observed) -> None:
    """Give the revision up for what pods have counted, although nothing else can be done now."""
    found, wanted = record.parse(context.decision.trial), stages.of(context.spec.shadow, context.spec.canary)
    if found is None or found.revision != context.decision.revision or found.stage >= len(wanted):
        return
    stage = wanted[found.stage]
    if evidence := verdict.against(stage, _seen(context, stage, observed.pods)) or _killed(found, observed.pods):
        await _give_up(context, found, observed, reasons.CANARY_FAILED, f"revision {found.revision}: {evidence}")
    elif any(pod.state and pod.state.trial for pod in observed.pods):
        context.look_again(_LOOK_AGAIN)


def _killed(tried: Record, seen: Iterable[Pod]) -> str:
    """A sentence on a pod that was killed since the trial began, for what both revisions need together, or ""."""
    for pod in seen:
        if tried.began and rollout_status.was_killed_for_memory(pod.object, tried.began):
            return (
                f"{pod.name} was killed for lack of memory while it was tried there; "
                "raise spec.resources.limits.memory, or mend what grows"
            )
    return ""


async def forget(context: Pass, told: Sequence[Pod]) -> None:
    """Have the pods that try the revision answer with what serves only.

    Raises:
        SupersededError
    """
    decided = context.decision
    trying = [pod for pod in told if pod.state and (pod.state.trial or pod.state.prepared)]
    admin = context.operator.admin
    await asyncio.gather(*(admin.abort(pod.object, decided.epoch, decided.content) for pod in trying))


def _report(context: Pass, trial: Trial, seen: Seen, is_waiting: bool) -> None:
    status, stage, number = context.status, trial.stage, trial.target.number
    status.values["canary"] = {
        "revision": number,
        "role": stage.role,
        "percent": stage.percent,
        "step": trial.record.stage + 1,
        "requests": _about(seen.candidate.requests),
        "errors": _about(seen.candidate.failed),
        **({"changed": _about(seen.changed)} if stage.role == "shadow" else {}),
    }
    text = f"revision {number} {stage.text} (step {trial.record.stage + 1} of {len(trial.stages)})"
    if is_waiting:
        how = f"lmd promote {context.name} has it serve all of them, lmd abort {context.name} gives it up"
        status.progress(reasons.AWAITING_PROMOTION, status.with_serving(f"{text}; {how}"))
        return
    if verdict.lacks(stage, seen):
        text += f"; it goes on when it has answered {stage.min_requests}"
    status.progress(reasons.CANARY_RUNNING, status.with_serving(text))


def _about(count: int) -> int:
    """The count, with two digits and zeros: every status that is written wakes the next pass, which would count on."""
    unit: int = 10 ** max(len(str(count)) - 2, 0)
    return count // unit * unit
