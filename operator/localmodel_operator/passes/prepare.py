"""Bringing a revision into running pods: written down first, then a warm swap where the pods can take it."""

import asyncio
import logging

from localmodel import held
from localmodel.resource import gate
from localmodel_operator import children, names
from localmodel_operator.inputs.resolve import Desired
from localmodel_operator.passes import build, observed, swap
from localmodel_operator.passes.bundles import Bundles
from localmodel_operator.passes.context import Case
from localmodel_operator.passes.gather import together
from localmodel_operator.passes.give_up import give_up
from localmodel_operator.passes.observed import World
from localmodel_operator.pods import pods
from localmodel_operator.pods.admin import CannotTake, RevisionFailed
from localmodel_operator.records import decision, history
from localmodel_operator.records.decision import Decision
from localmodel_operator.records.history import Choice

log = logging.getLogger(__name__)


async def bring(case: Case, choice: Choice, seen: Decision, desired: Desired, found: World) -> World:
    """Write down what is to serve, and have running pods serve it if they can. Returns what there is then.

    seen: what was decided before, with what has been seen of the user's decisions since.

    Raises:
        Waiting, Superseded, PodUnreachable.
    """
    target, is_wanted = choice.target, desired.inputs == choice.target.inputs
    requests = desired.bundle.gate if is_wanted else ()
    hindrance = _hindrance(case, choice, found)
    bundles = None if hindrance else await Bundles.of(case.site, target, requests)
    await _write_down(case, choice, seen, found, bundles, gate.text(requests) if requests else b"")
    # Nobody waits for pods that are not ready, and that the roll which follows takes away.
    follows = found.started_with != target.number
    behind = pods.behind(found.pods, target, case.decided.epoch)
    late = [pod for pod in behind if pod.is_ready or not follows]
    if bundles is None or not late:
        return found
    admin, epoch, content = case.site.admin, case.decided.epoch, target.revision.content
    seconds = case.spec.progress_deadline_seconds
    try:
        preparing = swap.prepare(admin, late, epoch, content, bundles.for_pod, seconds)
        await together(_tell(case, choice, desired, found), preparing)
        await swap.commit(admin, late, epoch, content)
    except CannotTake as error:
        log.info("%s/%s: not swapped: %s", *case.key, error)
        return found
    except RevisionFailed as error:
        advice = held.advice(str(error), pods.answering(found.pods))
        await give_up(case, choice, found, error.reason, f"{error}{advice}")
    found = await look(case)
    if not case.decided.committed:
        await case.decide(case.decided.done())
    return found


async def look(case: Case) -> World:
    """What there is now."""
    found = await observed.look(case.site.cluster, case.site.admin, case.site.signer, case.owner)
    case.decided, case.decided_object = (found.decision or _lost(case)).among(found.history), found.decided
    if found.decision is None and found.decided is not None:
        text = "%s/%s: ConfigMap %s says what no operator has signed: it is not obeyed, and written anew"
        log.warning(text, *case.key, decision.name(case.name))
        # Nothing of it is kept but its version, which is the place of the next one.
        version = found.decided["metadata"]["resourceVersion"]
        case.decided_object = {"metadata": {"resourceVersion": version}}
    return found


def _lost(case: Case) -> Decision:
    asked = case.owner["metadata"].get("annotations", {}).get(names.SERVE_ANNOTATION)
    return decision.lost(case.owner.get("status", {}), asked)


async def _write_down(
    case: Case, choice: Choice, seen: Decision, found: World, bundles: Bundles | None, requests: bytes
) -> None:
    target = choice.target
    heard = pods.heard(found.pods)
    # Somebody may have put an older decision of ours in its place: to whom later ones were told, that is no order.
    is_obeyed = heard <= case.decided.epoch or not pods.behind(found.pods, target, case.decided.epoch)
    if case.decided.epoch and case.decided.revision == target.number and is_obeyed:
        if seen != case.decided:
            await case.decide(seen)
        return
    following = seen.next(target, heard)
    late = pods.behind(found.pods, target, following.epoch)
    # in a thread: models are hashed
    bundle = await asyncio.to_thread(bundles.for_later, late[0]) if bundles and late else b""
    await case.decide(following, requests, bundle)


def _hindrance(case: Case, choice: Choice, found: World) -> str | None:
    """Why running pods are not to load the revision beside the one they serve, or None."""
    target = choice.target
    if found.deployment is None:
        return "there are no pods yet"
    if any(not pod.has(target) for pod in found.pods):
        # Back to what served may go the quick way, unless what fails holds what the other needs.
        if case.spec.strategy == "Recreate" or (case.spec.strategy == "Roll" and choice.because is None):
            return f"spec.update.strategy is {case.spec.strategy}"
        if children.other_resources(found.deployment, case.spec):
            return "spec.resources has changed"
        is_decided = case.decided.revision == target.number and not case.decided.committed
        if is_decided and found.started_with == target.number:
            return "pods of the new template are on their way"
    return pods.cannot_swap(found.pods, target)


async def _tell(case: Case, choice: Choice, desired: Desired, found: World) -> None:
    """Pods that only catch up with what was committed are no news."""
    if not case.decided.committed:
        case.seen.progress("Updating", case.seen.with_serving(_told(case, choice, desired, found)))
        await case.report()


def _told(case: Case, choice: Choice, desired: Desired, found: World) -> str:
    """What is done, and why, in the planner's words."""
    before = history.served_last(found.history, case.proved)
    if choice.because or choice.pinned or before is None:
        return f"revision {choice.target.number} is brought into the running pods"
    cause = build.cause(desired, choice.target.revision, before)
    return f"revision {choice.target.number} is brought into the running pods: {cause}"
