"""Verifying what serves: Ready is reported only after the revision has answered at the address that users call."""

import asyncio
from dataclasses import replace

from localmodel import reasons
from localmodel.cluster_records import names
from localmodel.reasons import Reason
from localmodel_operator import children
from localmodel_operator.children import Exposure
from localmodel_operator.inputs.resolve import Desired
from localmodel_operator.optional import kinds
from localmodel_operator.optional.front import NoAddressError
from localmodel_operator.passes import at_rest, availability, exposure, judge
from localmodel_operator.passes.context import Pass, Waiting
from localmodel_operator.passes.give_up import fail
from localmodel_operator.passes.observed import Observed, observe_pods
from localmodel_operator.pods import address, pods, rollout_status, terminating
from localmodel_operator.pods.address import InCluster, Place
from localmodel_operator.records import pin
from localmodel_operator.records.history import Choice, RecordedRevision
from localmodel_operator.status import conditions
from localmodel_untrusted import replayed

_POLL = 0.1  # seconds between looks at the address, which sends no event
_CLIENTS_GO = 0.3  # seconds until clients that were sent away are looked for again
_VERIFY_SECONDS = 2.0
# For each pod that may answer, of a revision that is reported ready: no client can be led to an older one any more, and
# all these passes over a roll would take the processors from the pods that start.
_CONNECTIONS_ONCE_READY = 1

_ADDRESS_AGAIN = 5.0  # seconds: an Ingress or a Gateway that gets one sends no event


def is_due(context: Pass, target: RecordedRevision, observed: Observed) -> bool:
    """Whether the revision serves from as many pods as are wanted, with the resources that are wanted.

    Pods that were swapped count before others have replaced them, and a resource that was ready stays so meanwhile. An
    edit of the number of pods or of their resources is done only when they have it.
    """
    spec, deployment = context.spec, observed.deployment
    if deployment is None or not pods.everywhere(observed.pods, target):
        return False
    replicas = children.replicas(spec, deployment)
    if deployment["spec"]["replicas"] != replicas or children.pods_differ(deployment, spec):
        return False
    if spec.autoscaling and _is_reported_ready(context, target):
        replicas = min(replicas, 1)  # what the autoscaler adds starts beside what serves
    if sum(pod.is_ready for pod in observed.pods) < replicas:
        return False
    swapped = any(pod.started_with != target.number for pod in observed.pods)
    return swapped or _is_reported_ready(context, target) or is_durable(target, observed)


def is_reported(context: Pass, target: RecordedRevision) -> bool:
    """Whether the status already reports that the revision serves, or that the resource is stalled."""
    return _is_reported_ready(context, target) or conditions.find(context.last_status, "Stalled") != {}


def _is_reported_ready(context: Pass, target: RecordedRevision) -> bool:
    last = context.last_status
    is_ready = conditions.holds(last, "Ready") and not context.is_edited
    return bool(is_ready and last.get("revisions", {}).get("serving") == target.number)


def is_durable(target: RecordedRevision, observed: Observed) -> bool:
    """Whether every wanted pod is there, and was started with the revision."""
    if observed.deployment is None or observed.started_with != target.number:
        return False
    return rollout_status.judge(observed.deployment, [pod.object for pod in observed.pods], target.number).complete


async def verify(context: Pass, choice: Choice, desired: Desired, exposed: Exposure, observed: Observed) -> None:
    """Ask at the address, judge what was answered there, and set Ready.

    Raises:
        Waiting: another revision answers, or nothing does; or the revision is given up.
    """
    number, status = choice.target.number, context.status
    if children.replicas(context.spec, observed.deployment) == 0:
        _conclude(context, choice, desired, reasons.SCALED_TO_ZERO, _scaled_to_zero(context))
        return
    try:
        url, place = await exposure.place(context, exposed, observed)
    except NoAddressError as pending:
        field = f"spec.service.expose: {context.spec.expose}"
        status.progress(reasons.ADDRESS_PENDING, f"the pods are ready, but {field}: {pending}")
        raise Waiting(_ADDRESS_AGAIN if context.spec.expose in kinds.ROUTES else None) from None
    connections = _CONNECTIONS_ONCE_READY if _is_reported_ready(context, choice.target) else address.CONNECTIONS
    if problem := await _problem(context, number, place, observed, connections=connections):
        status.progress(reasons.NOT_ANSWERING, f"the pods are ready, but {problem}")
        raise Waiting(1.0)
    status.answers(True, f"revision {number} answers")
    if not _is_reported_ready(context, choice.target):
        await _before_ready(context, choice, place, observed)
    status.values["url"] = url
    status.revisions(serving=number)
    serves = f"revision {number} serves at {url}{_asked_inside(context, place)}"
    if choice.pinned and choice.target.inputs != desired.inputs:
        asked = f"{serves}, as {_asker(context)} asks; the next edit ends that"
        _conclude(context, choice, desired, reasons.SERVING_ASKED, asked)
    else:
        if (source := status.values.get("source")) and not choice.because:
            source["serving"] = source["commit"]
        _note_replayed(context, choice, observed)
        _conclude(context, choice, desired, reasons.SERVING, f"{serves}{_lapsed_request(context)}")


def _scaled_to_zero(context: Pass) -> str:
    if context.spec.autoscaling is None:
        return at_rest.SCALED_TO_ZERO
    again = f"kubectl scale deployment/{context.name} --namespace {context.namespace} --replicas=1"
    ends = f"which ends its autoscaling ({again} begins it again)"
    return f"somebody has scaled Deployment {context.name} to 0, {ends}, and nothing answers"


def _asked_inside(context: Pass, place: Place) -> str:
    """How to reach what has no address outside the cluster, or that the operator cannot reach what leads there."""
    if not isinstance(place, InCluster):
        return ""
    if context.spec.expose in kinds.ROUTES:
        return ", to where no connection from the operator comes: it has asked the Service behind it instead"
    command = f"lmd forward {context.name} --namespace {context.namespace} --target kind"
    return f", inside the cluster only; {command} leads there"


async def _before_ready(context: Pass, choice: Choice, place: Place, observed: Observed) -> None:
    """See that no client is left with pods of before, and judge once more what was answered until now.

    Raises:
        Waiting.
    """
    active, ending = await observe_pods(context.operator.cluster, context.operator.admin, *context.key)
    if await terminating.send_clients_away(context.operator.admin, ending, active, choice.target.number):
        context.status.progress(reasons.ROLLING_OUT, "clients are still connected to a pod that is terminating")
        raise Waiting(_CLIENTS_GO)
    # Those that have been told to leave report that they are not ready, which is all that tells them apart there.
    only_ready = bool(terminating.placed_otherwise(ending, active))
    if only_ready and (problem := await _problem(context, choice.target.number, place, observed, only_ready)):
        context.status.progress(reasons.ROLLING_OUT, problem)
        raise Waiting(_CLIENTS_GO)
    states = await judge.judge(context, choice, replace(observed, pods=active))
    judge.hold_if_bad(context, choice.target, states)


def _asker(context: Pass) -> str:
    """What the user has asked with: the command says which generation it means."""
    request = pin.parse(context.decision.pin)
    return "lmd rollback" if request and request.generation is not None else names.SERVE_ANNOTATION


def _lapsed_request(context: Pass) -> str:
    """What has become of a request for a revision that is still annotated but no longer holds."""
    request = pin.parse(context.decision.pin)
    if request is None or request.inputs:
        return ""
    lapsed = f"{names.SERVE_ANNOTATION}={request.number} does not hold: an edit came later, or at the same time"
    return f"; {lapsed}; annotate anew to ask for it"


def _conclude(context: Pass, choice: Choice, desired: Desired, reason: Reason, message: str) -> None:
    status = context.status
    status.verified = True
    if choice.because:
        why, failure = choice.because
        ended = "; spec.update.strategy: Recreate had ended what served" if context.spec.strategy == "Recreate" else ""
        fail(context, why, f"{failure}{ended}")
        return
    status.succeed(reason, message)
    if count := len(desired.bundle.gate):
        status.stage("GatePassed", True, reasons.PASSED, f"{count} requests were answered as expected")
    elif conditions.find(context.last_status, "GatePassed"):
        status.stage("GatePassed", True, reasons.NOT_ASKED, "spec.update.gate asks for nothing")


def _note_replayed(context: Pass, choice: Choice, observed: Observed) -> None:
    """Note what came of captured requests, once: only pods that were there before the revision can tell."""
    if choice.because or _is_reported_ready(context, choice.target):
        return
    status = context.status
    if not context.spec.replay:
        if conditions.find(context.last_status, "Replayed"):
            status.stage("Replayed", True, reasons.NOT_ASKED, "spec.update.replay asks for nothing")
        return
    states = [pod.state for pod in observed.pods if pod.state and pod.has(choice.target)]
    if results := [state.replayed for state in states if state.replayed]:
        result = replayed.together(results)
        reason = reasons.ANSWERED_AS_BEFORE if result.is_enough else reasons.TOO_FEW_CAPTURED
        status.stage("Replayed", result.is_enough, reason, result.text())
    else:
        text = f"no pod had captured requests of a revision before, to ask revision {choice.target.number}"
        status.stage("Replayed", False, reasons.NOT_REPLAYED, text)


async def _problem(
    context: Pass,
    number: int,
    place: Place,
    observed: Observed,
    only_ready: bool = False,
    connections: int = address.CONNECTIONS,
) -> str:
    clock = asyncio.get_running_loop().time
    until = clock() + _VERIFY_SECONDS
    replicas = children.replicas(context.spec, observed.deployment)
    while problem := await address.problem(place, number, replicas, only_ready, connections):
        await availability.check(context, observed, None)
        await availability.report_change(context, observed)
        if clock() > until:
            break
        await asyncio.sleep(_POLL)
    return problem
