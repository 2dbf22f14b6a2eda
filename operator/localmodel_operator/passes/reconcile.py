"""One pass over one LocalModelDeployment: look, do the one next thing that is missing, say what was seen.

A pass is the same whatever caused it: an edit, a restart, a resync, a pod that died. It keeps nothing in memory
that the next pass needs, so an operator killed between any two steps converges.
"""

import asyncio
import logging
import random
from dataclasses import replace
from functools import partial

from localmodel import image, pickles, revision
from localmodel.engine import nodes
from localmodel.environments import stored
from localmodel.errors import UserError
from localmodel.resource import spec
from localmodel_operator import children, names
from localmodel_operator.cluster import LMD, REVISION, SERVICE, Object, PodUnreachable, Refused, Unreachable
from localmodel_operator.images import sweep_lock
from localmodel_operator.inputs import ports, resolve
from localmodel_operator.inputs.resolve import Desired
from localmodel_operator.operator import SWEEP, Site
from localmodel_operator.passes import availability, judge, prepare, roll_out, verify
from localmodel_operator.passes.build import Building, Maker
from localmodel_operator.passes.context import RESYNC, Case, Waiting
from localmodel_operator.passes.gather import together
from localmodel_operator.passes.observed import World
from localmodel_operator.pods import pods, rollout_status
from localmodel_operator.pods.admin import Superseded
from localmodel_operator.records import history
from localmodel_operator.records.decision import Decision
from localmodel_operator.records.history import Choice, Recorded
from localmodel_operator.records.pin import Look
from localmodel_operator.status import builder, report
from localmodel_operator.status.builder import Seen
from localmodel_operator.workqueue import Key

log = logging.getLogger(__name__)

# Finalizers by which Kubernetes deletes the children first, or leaves them
_OF_KUBERNETES = ("foregroundDeletion", "orphan")


async def reconcile(site: Site, key: Key) -> None:
    """Look at the LocalModelDeployment with this key, as it is now."""
    owner = await site.cluster.get(LMD, *key)
    if owner is None:
        site.references.forget(key)
        site.admin.last_words.forget(key)
        site.environments.want(key, None)
        site.queue.add(SWEEP)
        return
    if "deletionTimestamp" in owner["metadata"]:
        await _tell_of_the_end(site, owner)
        return
    again = await run(Case(site, owner, spec.parse(owner["spec"])))
    if again is not None:
        site.queue.add_after(again, key)


async def _tell_of_the_end(site: Site, owner: Object) -> None:
    """A resource in deletion is not followed any more, however long somebody's finalizer holds it."""
    held_by = [each for each in owner["metadata"].get("finalizers", []) if each not in _OF_KUBERNETES]
    if held_by:
        seen = Seen()
        text = f"the resource is being deleted and waits for {', '.join(held_by)}; until then edits are not followed"
        seen.progress("Deleting", text)
        await report.report(site.cluster, owner, seen)


async def run(case: Case) -> float | None:
    """Do what is missing, and write the status. Returns after how many seconds to look again, if not by event."""
    again: float | None = None
    failure: Exception | None = None
    seen, queue = case.seen, case.site.queue
    try:
        await _advance(case)
        queue.forgive(case.key)
        again = RESYNC * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, guards nothing
    except Waiting as waiting:
        again = waiting.again_after
    except UserError as error:
        seen.fail(error.reason, seen.with_serving(str(error)))
        queue.retry(case.key)
    except (Superseded, PodUnreachable) as error:
        log.info("%s/%s: %s: %s", *case.key, type(error).__name__, error)
        seen.progress("Updating", seen.with_serving("the pods are being told what to serve"))
        queue.retry(case.key)
    except Unreachable:
        raise  # nothing was learned, and nothing could be written
    except Exception as error:
        if not (isinstance(error, Refused) and report.is_ending(error)):
            # A pass that nobody foresaw is retried, but must not look like progress.
            text = f"the operator failed, and tries again: {type(error).__name__}: {error}; its log says more"
            seen.progress("OperatorFailed", seen.with_serving(text))
            failure = error
    # A pass that is cancelled comes to neither: what it had not yet looked at is no news.
    await case.report()
    if failure:
        raise failure
    return min((seconds for seconds in (again, case.again) if seconds is not None), default=None)


async def _advance(case: Case) -> None:
    found = await prepare.look(case)
    await _note(case, found)
    if case.spec.suspend:
        case.site.environments.want(case.key, None)
        case.seen.pause("spec.suspend is true: edits wait, and what serves goes on serving")
        return
    await availability.tell(case, found)
    await _mend_service(case, found)
    _, (desired, node_port) = await together(_show_edit(case), together(_resolve(case, found), _node_port(case)))
    _require_own_children(found, case.namespace)
    choice, seen = await _choose(case, desired, found)
    found = await prepare.bring(case, choice, seen, desired, found)
    service = children.service(case.owner, node_port)
    if children.other_service(found.service, service):  # what somebody does to it meanwhile is told first
        await case.apply(service)
    _note_failing(case, found)
    await judge.judge(case, choice, found)
    # It is sent to the nodes while the revision is asked at its address: both take as long.
    await together(
        _say_what_serves(case, choice, desired, node_port, found), roll_out.deliver(case, choice.target, found)
    )
    if case.seen.settled and judge.is_on_trial(choice, found):
        judge.hold_back(case, choice.target)
        raise Waiting
    await roll_out.roll_out(case, choice, found)
    if not case.decided.committed:
        await case.decide(case.decided.done())
    if not case.seen.settled:
        await verify.settle(case, choice, desired, node_port, found)
    await _prune(case, choice, found)


async def _show_edit(case: Case) -> None:
    """An edit shows in the status before anything is changed for it."""
    if case.owner.get("status", {}).get("observedGeneration") != case.owner["metadata"]["generation"]:
        case.seen.progress("Progressing", "the edit is being read")
        await case.report()


async def _say_what_serves(case: Case, choice: Choice, desired: Desired, node_port: int | None, found: World) -> None:
    if not verify.is_due(case, choice.target, found):
        return
    if not case.decided.committed:
        await case.decide(case.decided.done())  # a pass that ended early has left it: pods could start behind
    is_news = not verify.is_told(case, choice.target)
    await verify.settle(case, choice, desired, node_port, found)
    if is_news:
        # What serves is told before what makes it last, and once: every write wakes the next pass.
        if verify.is_durable(choice.target, found):
            roll_out.tell_that_it_lasts(case, choice.target)
        elif judge.is_on_trial(choice, found):
            judge.hold_back(case, choice.target)
        else:
            roll_out.tell_that_it_rolls(case, choice.target)
        await case.report()


async def _note(case: Case, found: World) -> None:
    """What serves now, for the status of a pass that gets no further, too."""
    number, told = found.started_with, case.owner.get("status", {})
    serving = pods.answering(found.pods, told.get("revisions", {}).get("serving"))
    newest = max((number, *(each.number for each in found.history))) or told.get("revisions", {}).get("wanted")
    lasts = lasted = builder.condition(told, "Durable").get("status") == "True"
    if found.deployment is None:
        lasts = False
    else:
        state = rollout_status.judge(found.deployment, [pod.found for pod in found.pods], number)
        lasts = lasted and state.complete
        case.seen.values["replicas"] = state.replicas
        case.seen.values["selector"] = f"{names.DEPLOYMENT_LABEL}={case.name}"
    if lasted and not lasts:
        case.seen.durable = (False, "RollingOut", f"not every pod of revision {number or newest} is there")
    case.seen.revisions(wanted=newest, serving=serving, durable=number if lasts else None)
    _note_failing(case, found)
    await availability.note(case, found, serving)


def _note_failing(case: Case, found: World) -> None:
    told = case.owner.get("status", {}).get("revisions", {}).get("serving")
    judge.note_failing(case, found.pods, pods.answering(found.pods, told))


async def _mend_service(case: Case, found: World) -> None:
    """A Service that somebody has deleted or changed is put right whatever else there is to wait for."""
    if found.deployment is not None and not found.foreign and availability.other_service(case, found):
        await case.apply(children.service(case.owner, await _node_port(case)))


async def _resolve(case: Case, found: World) -> Desired:
    case.site.references.set(case.key, case.namespace, case.spec)
    try:
        case.spec = stored.filled_in(case.spec, case.site.store)
        bundle = await resolve.bundle(case.site.cluster, case.site.store, case.namespace, case.spec)
    except UserError as error:
        case.seen.stage("ModelResolved", False, error.reason, str(error))
        raise
    case.models = tuple(bundle.models)
    case.seen.stage("ModelResolved", True, "Resolved", "models and code are there")
    case.seen.values["models"] = [
        {"name": model.name, "version": model.version, "digest": model.digest} for model in bundle.models
    ]
    try:
        own = history.locks(found.history, case.proved)
        lock = await resolve.lock(case.site.store, case.spec, case.site.architecture, own, partial(_log, case))
    except UserError as error:
        case.seen.stage("EnvironmentBuilt", False, error.reason, str(error))
        raise
    environment = case.spec.environment
    complete = not environment.is_own_base
    warnings = pickles.mismatches(bundle.models, environment.requirements, lock.text, complete=complete)
    script = case.spec.entry_script
    if missing := pickles.lacking(bundle.models, script, bundle.files[script]):
        case.seen.stage("ModelResolved", True, "NamesMissing", "; ".join([*missing, *warnings]))
    elif warnings:
        case.seen.stage("ModelResolved", True, "VersionMismatch", "; ".join(warnings))
    return Desired(case.spec, bundle, lock)


def _log(case: Case, text: str) -> None:
    log.info("%s/%s: %s", *case.key, text)


async def _node_port(case: Case) -> int | None:
    """The node port behind the port on localhost; None where the nodes are not containers of this machine."""
    if case.site.kind_cluster is None:
        return None
    cluster_nodes, services = await asyncio.gather(
        case.site.engine.call(nodes.nodes, case.site.kind_cluster), case.site.cluster.list(SERVICE)
    )
    mapped = {local: port for node in cluster_nodes for local, port in node.ports if 30000 <= port <= 32767}
    taken = {
        port["nodePort"]: f"{service['metadata']['namespace']}/{service['metadata']['name']}"
        for service in services
        for port in service["spec"].get("ports", [])
        if "nodePort" in port
    }
    return ports.node_port(case.spec.local_port, mapped, taken, f"{case.namespace}/{case.name}")


def _require_own_children(found: World, namespace: str) -> None:
    if found.foreign:
        where = f"there is a {found.foreign[0]} in namespace {namespace}"
        raise UserError("NotOwned", f"{where} that is not this resource's; rename one of the two")


async def _wanted(case: Case, desired: Desired, found: World, *, is_to_serve: bool) -> Recorded:
    """The newest revision, if it is what is asked for; else a new one, recorded before anything serves it."""
    newest = found.newest
    if newest is not None and newest.inputs == desired.inputs and await _is_kept(case, newest):
        case.seen.stage("EnvironmentBuilt", True, "Built", "the environment is installed")
        case.site.environments.want(case.key, None)
        return newest
    if is_to_serve and builder.ready_condition(case.owner.get("status", {})).get("status") == "True":
        # an edit of something referred to changes no generation
        case.seen.progress("Progressing", "a new revision is being prepared")
        await case.report()
    try:
        async with sweep_lock.shared(case.site.layout.root / "lock"):
            epoch = max(case.decided.epoch, pods.heard(found.pods)) + 1
            before = history.served_last(found.history, case.proved)
            return await Maker(case.site, case.owner, case.seen).make(desired, newest, before, found.next_number, epoch)
    except Building as building:
        case.seen.progress("BuildingEnvironment", case.seen.with_serving(str(building)))
        raise Waiting from None


async def _is_kept(case: Case, newest: Recorded) -> bool:
    """Whether its image can be delivered, or needs not be. What was made stays when the operator is upgraded."""
    delivery = case.site.delivery
    if not newest.image.startswith(f"{delivery.repository(case.owner['metadata']['uid'])}@"):
        return False  # made for another delivery: a registry, or none
    kept = await asyncio.to_thread(image.stored, case.site.layout, newest.image)
    return kept is not None or not await delivery.lacking(newest.image)


async def _choose(case: Case, desired: Desired, found: World) -> tuple[Choice, Decision]:
    """What is to serve, and what was decided before with what is seen now. A new revision is made for new inputs."""
    look = Look(desired.inputs, case.owner["metadata"]["generation"])
    pin = case.asked(look, found.newest)
    seen = case.decided.seeing(look, pin)
    asked = history.as_asked(found.history, pin, desired.inputs)
    try:
        wanted = await _wanted(case, desired, found, is_to_serve=asked is None)
    except (Waiting, UserError):
        if asked:  # which has not to wait for what is not to serve
            return asked, seen
        if seen.epoch and seen != case.decided:
            await case.decide(seen)  # so that a request which comes while an environment is built is known to be later
        raise
    case.seen.revisions(wanted=wanted.number)
    known = [*(each for each in found.history if each.number != wanted.number), wanted]
    choice = history.choose(known, wanted, pin, desired.inputs, case.proved)
    if choice.because and pin and pin.inputs == desired.inputs:
        return replace(choice, because=(choice.because[0], f"{choice.because[1]}{_way_out(case, found)}")), seen
    return choice, seen


def _way_out(case: Case, found: World) -> str:
    strange = f"; not made by the operator: {', '.join(found.strange)}" if found.strange else ""
    command = f"kubectl annotate lmd {case.name} --namespace {case.namespace} {names.SERVE_ANNOTATION}-"
    return f"{strange}; remove the annotation with {command}, or edit: the next edit ends it"


async def _prune(case: Case, choice: Choice, found: World) -> None:
    """Forget superseded revisions beyond the limit; their images go with the next sweep."""
    others = [each for each in found.history if each.number != choice.target.number]
    sound = {each.number for each in others if each.number in case.decided.served and not each.failed}
    numbers = [each.number for each in others]
    keep = {*case.proved, found.newest and found.newest.number}
    excess = {*revision.beyond(case.spec.revision_history_limit, numbers, sound)} - keep
    for each in found.revisions:
        if each["revision"] in excess:
            await case.site.cluster.delete(REVISION, case.namespace, each["metadata"]["name"], each["metadata"]["uid"])
    if excess:
        case.site.queue.add(SWEEP)
