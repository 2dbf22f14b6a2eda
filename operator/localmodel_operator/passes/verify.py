"""Saying what serves: only after it has answered at the address that users call."""

import asyncio
from dataclasses import replace

from localmodel_operator import children, names
from localmodel_operator.inputs.resolve import Desired
from localmodel_operator.passes import availability, judge, observed
from localmodel_operator.passes.context import Case, Waiting
from localmodel_operator.passes.give_up import fail
from localmodel_operator.passes.observed import World
from localmodel_operator.pods import address, pods, rollout_status, terminating
from localmodel_operator.records import pin
from localmodel_operator.records.history import Choice, Recorded
from localmodel_operator.status import builder

_POLL = 0.1  # seconds between looks at the address, which sends no event
_CLIENTS_GO = 0.3  # seconds until clients that were sent away are looked for again
_VERIFY_SECONDS = 2.0


def is_due(case: Case, target: Recorded, found: World) -> bool:
    """Whether the revision is what answers, from as many pods as are wanted, as they are wanted.

    Pods that were swapped count before others have taken their place, and what was ready stays so while they do. An
    edit of how many there are or of what they may use is not done before it is.
    """
    if found.deployment is None or not pods.everywhere(found.pods, target):
        return False
    if found.deployment["spec"]["replicas"] != case.spec.replicas:
        return False
    if children.other_resources(found.deployment, case.spec):
        return False
    if sum(pod.is_ready for pod in found.pods) < case.spec.replicas:
        return False
    swapped = any(pod.started_with != target.number for pod in found.pods)
    return swapped or _is_ready(case, target) or is_durable(target, found)


def is_told(case: Case, target: Recorded) -> bool:
    """Whether the status says already what can be said before everything lasts, or what stands in the way of that."""
    return _is_ready(case, target) or builder.condition(case.owner.get("status", {}), "Stalled") != {}


def _is_ready(case: Case, target: Recorded) -> bool:
    told, generation = case.owner.get("status", {}), case.owner["metadata"]["generation"]
    is_ready = builder.ready_condition(told).get("status") == "True" and told["observedGeneration"] == generation
    return bool(is_ready and told.get("revisions", {}).get("serving") == target.number)


def is_durable(target: Recorded, found: World) -> bool:
    """Whether every pod that is wanted is there, and was started with the revision."""
    if found.deployment is None or found.started_with != target.number:
        return False
    return rollout_status.judge(found.deployment, [pod.found for pod in found.pods], target.number).complete


async def settle(case: Case, choice: Choice, desired: Desired, node_port: int | None, found: World) -> None:
    """Ask at the address, judge what was answered there, and say that the revision serves.

    Raises:
        Waiting: something else answers, or nothing; or the revision is given up.
    """
    number, seen = choice.target.number, case.seen
    if case.spec.replicas == 0:
        nothing = "spec.replicas is 0: nothing is wanted, and nothing answers"
        _settled(case, choice, desired, ("ScaledToZero", nothing))
        return
    if problem := await _problem(case, number, node_port, found):
        seen.progress("NotAnswering", f"the pods are ready, but {problem}")
        raise Waiting(1.0)
    seen.available = (True, f"revision {number} answers")
    if not _is_ready(case, choice.target):
        await _before_it_is_said(case, choice, found)
    url = f"http://localhost:{case.spec.local_port}/score"
    if node_port is None:
        url = f"http://{case.name}.{case.namespace}.svc/score"
    seen.values["url"] = url
    seen.revisions(serving=number)
    if choice.pinned and choice.target.inputs != desired.inputs:
        message = f"revision {number} serves at {url}, as {names.SERVE_ANNOTATION} asks; the next edit ends that"
        _settled(case, choice, desired, ("ServingAsked", message))
    else:
        _settled(case, choice, desired, ("Serving", f"revision {number} serves at {url}{_ended(case)}"))


async def _before_it_is_said(case: Case, choice: Choice, found: World) -> None:
    """No client may be left with an older revision, and what was answered until this moment must not speak against it.

    Raises:
        Waiting.
    """
    there, going = await observed.pods(case.site.cluster, case.site.admin, *case.key)
    if await terminating.send_away(case.site.admin, going, choice.target.number):
        case.seen.progress("RollingOut", "a pod of another revision that is on its way out still has clients")
        raise Waiting(_CLIENTS_GO)
    judge.hold_if_bad(case, choice.target, await judge.judge(case, choice, replace(found, pods=there)))


def _ended(case: Case) -> str:
    """What has become of a request that stands there and does not hold any more."""
    request = pin.parse(case.decided.pin)
    if request is None or request.inputs:
        return ""
    said = f"{names.SERVE_ANNOTATION}={request.number} does not hold: an edit came later, or at the same time"
    return f"; {said}; annotate anew to ask for it"


def _settled(case: Case, choice: Choice, desired: Desired, said: tuple[str, str]) -> None:
    case.seen.settled = True
    if choice.because:
        reason, message = choice.because
        ended = "; spec.update.strategy: Recreate had ended what served" if case.spec.strategy == "Recreate" else ""
        fail(case, reason, f"{message}{ended}")
        return
    case.seen.succeed(*said)
    if count := len(desired.bundle.gate):
        case.seen.stage("GatePassed", True, "Passed", f"{count} requests were answered as expected")
    elif any(each["type"] == "GatePassed" for each in case.owner.get("status", {}).get("conditions", [])):
        case.seen.stage("GatePassed", True, "NotAsked", "spec.update.gate asks for nothing")


async def _problem(case: Case, number: int, node_port: int | None, found: World) -> str:
    if node_port is None:
        return ""  # the pods have been asked, and from here there is no other way to the address
    base = case.site.verify(case.spec.local_port, node_port)
    clock = asyncio.get_running_loop().time
    until = clock() + _VERIFY_SECONDS
    while problem := await address.problem(base, number, case.spec.replicas):
        await availability.note(case, found, None)
        await availability.tell(case, found)
        if clock() > until:
            break
        await asyncio.sleep(_POLL)
    return problem
