"""One pass over one LocalModelDeployment: the steps of docs/architecture.md, in their order.

A pass is the same whatever caused it: an edit, a restart, a resync, a pod that died. It keeps nothing in memory
that the next pass needs, so an operator killed between any two steps converges.
"""

import asyncio
import logging
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from localmodel import pickles, reasons
from localmodel.cluster_records import names
from localmodel.cluster_records.revisions import selector
from localmodel.environments import of_source
from localmodel.environments.locks.lock import Lock
from localmodel.environments.locks.no_wheel import NotBuiltError
from localmodel.errors import UserError
from localmodel.imports import check
from localmodel.resource import spec
from localmodel.store import ModelVersion
from localmodel.updates import image, revision, served_spec
from localmodel_operator.children import Exposure
from localmodel_operator.cluster import (
    LMD,
    REVISION,
    Object,
    PodUnreachableError,
    RefusedError,
    UnreachableError,
)
from localmodel_operator.images import sweep_lock
from localmodel_operator.inputs import addressed, resolve
from localmodel_operator.inputs.addressed import Chosen
from localmodel_operator.inputs.fetches import Fetching
from localmodel_operator.inputs.resolve import Desired
from localmodel_operator.operator import SWEEP, Operator
from localmodel_operator.passes import (
    at_rest,
    availability,
    deliver,
    exposure,
    judge,
    optional_children,
    roll_out,
    try_out,
    verify,
)
from localmodel_operator.passes.context import RESYNC, Pass, Waiting
from localmodel_operator.passes.gather import gather_both
from localmodel_operator.passes.observed import Observed
from localmodel_operator.passes.preparation import prepare, replay
from localmodel_operator.passes.preparation.build import Building, RevisionBuilder
from localmodel_operator.pods import pods, rollout_status
from localmodel_operator.pods.admin import SupersededError
from localmodel_operator.records import history
from localmodel_operator.records.decision import Decision
from localmodel_operator.records.history import Choice, RecordedRevision
from localmodel_operator.records.pin import ObservedSpec
from localmodel_operator.status import conditions, report
from localmodel_operator.status.builder import StatusBuilder
from localmodel_operator.status.conditions import Condition
from localmodel_operator.wheels import builds
from localmodel_operator.wheels.builds import BuildingWheel
from localmodel_operator.workqueue import Key

log = logging.getLogger(__name__)

_SWEPT_AFTER = 5.0  # seconds, in which a user may make more edits: it lists everything there is

# Finalizers by which Kubernetes deletes the children first, or leaves them
_OF_KUBERNETES = ("foregroundDeletion", "orphan")


async def reconcile(operator: Operator, key: Key) -> None:
    """Run a pass over the LocalModelDeployment with this key, as it is now."""
    owner = await operator.cluster.get(LMD, *key)
    if owner is None:
        operator.references.forget(key)
        operator.admin.last_states.forget(key)
        operator.environments.want(key, None)
        operator.fetches.want(key)
        operator.queue.add(SWEEP)
        return
    if "deletionTimestamp" in owner["metadata"]:
        await _report_deletion(operator, owner)
        return
    operator.queue.add_after(await run(Pass(operator, owner, spec.parse(owner["spec"]))), key)


async def _report_deletion(operator: Operator, owner: Object) -> None:
    """Report that edits of a resource in deletion are not followed, however long somebody's finalizer holds it."""
    held_by = [name for name in owner["metadata"].get("finalizers", []) if name not in _OF_KUBERNETES]
    if held_by:
        status = StatusBuilder()
        if owner.get("status", {}).get("canary"):
            # Nobody would judge it any more.
            context = Pass(operator, owner, spec.parse(owner["spec"]))
            await try_out.forget(context, (await context.observe()).pods)
            status.values["canary"] = None
        text = f"the resource is being deleted and waits for {', '.join(held_by)}; until then edits are not followed"
        status.progress(reasons.DELETING, text)
        await report.write_status(operator.cluster, owner, status)


async def run(context: Pass) -> float:
    """Do what is missing, and write the status. Returns in how many seconds to look again at the latest."""
    again_after = RESYNC * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, guards nothing
    failure: Exception | None = None
    status, queue = context.status, context.operator.queue
    try:
        await _advance(context)
        queue.forgive(context.key)
    except Waiting as waiting:
        if waiting.again_after is not None:
            again_after = waiting.again_after
    except UserError as error:
        status.fail(error.reason, status.with_serving(str(error)))
        queue.retry(context.key)
    except (SupersededError, PodUnreachableError) as error:
        log.info("%s/%s: %s: %s", *context.key, type(error).__name__, error)
        status.progress(reasons.UPDATING, status.with_serving("the pods are being told what to serve"))
        queue.retry(context.key)
    except UnreachableError:
        raise  # nothing was learned, and nothing could be written
    except Exception as error:
        if not (isinstance(error, RefusedError) and report.is_namespace_ending(error)):
            # A pass that nobody foresaw is retried, but must not look like progress.
            text = f"the operator failed, and tries again: {type(error).__name__}: {error}; its log says more"
            status.progress(reasons.OPERATOR_FAILED, status.with_serving(text))
            failure = error
    # A cancelled pass reports neither, because it has not looked at everything.
    await context.report()
    if failure:
        raise failure
    if at_rest.is_at_rest(context.owner):
        return at_rest.LOOK_AGAIN * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, guards nothing
    return again_after if context.again_after is None else min(again_after, context.again_after)


async def _advance(context: Pass) -> None:
    observed = await context.observe()
    await _note_serving(context, observed)
    if context.spec.suspend:
        context.operator.environments.want(context.key, None)
        context.operator.fetches.want(context.key)
        if conditions.find(context.last_status, "EnvironmentBuilt").get("status") == "False":
            await builds.drop(context.operator, context.owner)
        await try_out.stop(context, observed)
        context.status.pause(at_rest.SUSPENDED)
        return
    await availability.report_change(context, observed)
    observed = await _restore_service(context, observed)
    try:
        _, (desired, exposed) = await gather_both(_announce_edit(context), _look_up(context, observed))
        _require_own_children(observed, context.namespace)
        choice, previous = await _choose(context, desired, observed)
    except (Waiting, UserError):
        await try_out.stop(context, observed)
        raise
    choice = try_out.instead(context, choice, observed)
    if trial := try_out.due(context, choice, observed):
        await try_out.advance(context, trial, previous, desired, exposed, observed)
    await try_out.stop(context, observed, choice)
    observed = await prepare.prepare_pods(context, choice, previous, desired, observed)
    observed = await optional_children.arrange(context, exposed, observed)
    _note_failing(context, observed)
    await judge.judge(context, choice, observed)
    # The image is sent to the nodes, and pods start with it, while the revision is asked at its address.
    _, applied = await gather_both(
        _verify_early(context, choice, desired, exposed, observed), _begin_roll(context, choice, observed)
    )
    if applied is None:
        judge.hold_back(context, choice.target)
        raise Waiting
    await replay.ask_held(context, choice, observed)
    await roll_out.follow(context, choice, observed, applied)
    if not context.decision.committed:
        await context.decide(context.decision.as_committed())
    if not context.status.verified:
        await verify.verify(context, choice, desired, exposed, observed)
    await _prune(context, choice, observed)


async def _announce_edit(context: Pass) -> None:
    """Show an edit in the status before anything is changed for it."""
    if context.is_edited:
        context.status.progress(reasons.PROGRESSING, "the edit is being read")
        await context.report()


async def _verify_early(context: Pass, choice: Choice, desired: Desired, exposed: Exposure, observed: Observed) -> None:
    """Report that the revision serves before it lasts, if it does."""
    if not verify.is_due(context, choice.target, observed):
        return
    if not context.decision.committed:
        # A pass that ended early has left it so: pods could start behind.
        await context.decide(context.decision.as_committed())
    is_news = not verify.is_reported(context, choice.target)
    await verify.verify(context, choice, desired, exposed, observed)
    if is_news:
        # Written once, with what is known of Durable: every write wakes the next pass.
        if verify.is_durable(choice.target, observed):
            roll_out.note_durable(context, choice.target)
        elif judge.is_on_trial(choice, observed):
            judge.hold_back(context, choice.target)
        else:
            roll_out.note_rolling(context, choice.target)
        await context.report()


async def _begin_roll(context: Pass, choice: Choice, observed: Observed) -> Object | None:
    """Have pods started with the revision. Returns None while no pod is to be replaced yet."""
    await deliver.deliver(context, choice.target, observed)
    serves_already = verify.is_due(context, choice.target, observed)
    if serves_already and judge.is_on_trial(choice, observed):
        return None
    return await roll_out.begin(context, choice.target, observed, serves_already=serves_already)


async def _note_serving(context: Pass, observed: Observed) -> None:
    """Note what serves now, for the status of a pass that gets no further, too."""
    status, last, number = context.status, context.last_status, observed.started_with
    revisions = last.get("revisions", {})
    serving = pods.answering_revision(observed.pods, revisions.get("serving"))
    newest = max((number, *(past.number for past in observed.history))) or revisions.get("wanted")
    lasts = lasted = conditions.holds(last, "Durable")
    if observed.deployment is None:
        lasts = False
    else:
        state = rollout_status.judge(observed.deployment, [pod.object for pod in observed.pods], number)
        lasts = lasted and state.complete
        status.values["replicas"] = state.replicas
        status.values["selector"] = selector(context.name)
    if lasted and not lasts:
        message = f"not every pod of revision {number or newest} is there"
        status.durable = Condition(False, reasons.ROLLING_OUT, message)
    status.revisions(wanted=newest, serving=serving, durable=number if lasts else None)
    status.values["canary"] = None
    _note_failing(context, observed)
    await availability.check(context, observed, serving)


def _note_failing(context: Pass, observed: Observed) -> None:
    reported = context.last_status.get("revisions", {}).get("serving")
    judge.note_failing(context, observed.pods, pods.answering_revision(observed.pods, reported))


async def _restore_service(context: Pass, observed: Observed) -> Observed:
    """Restore a Service that somebody has deleted or changed, whatever else the pass waits for.

    The pass goes on with the Service as it is then: what somebody does to it later is for the next one to report.
    """
    if observed.deployment is None or observed.foreign or not availability.service_drift(context, observed):
        return observed
    exposed = await exposure.choose(context, observed.service)
    restored = await context.apply(optional_children.service(context, exposed, observed.service))
    return replace(observed, service=restored)


async def _look_up(context: Pass, observed: Observed) -> tuple[Desired, Exposure]:
    """What the spec names, and how it is to be reached."""
    return await gather_both(_resolve(context, observed), exposure.choose(context, observed.service))


async def _resolve(context: Pass, observed: Observed) -> Desired:
    operator, status = context.operator, context.status
    operator.references.set(context.key, context.namespace, context.spec)
    with _failing(status, "ModelResolved"):
        chosen, models = await _chosen(context)
        context.spec = await asyncio.to_thread(served_spec.of, chosen.spec, operator.store)
        source = await resolve.files(operator.cluster, operator.store, context.namespace, context.spec)
    with _failing(status, "EnvironmentBuilt"):
        context.spec = await asyncio.to_thread(of_source.filled_in, context.spec, source)
    with _failing(status, "ModelResolved"):
        bundle = await resolve.bundle(operator.cluster, context.namespace, context.spec, models, source)
    context.models = models
    if chosen.notes:
        status.stage("ModelResolved", True, reasons.NOT_REFRESHED, "; ".join(chosen.notes))
    else:
        status.stage("ModelResolved", True, reasons.RESOLVED, "models and code are there")
    status.values["scoring"] = context.spec.generated or None
    with _failing(status, "EnvironmentBuilt"), of_source.told_of(context.spec, source):
        own = history.locks(observed.history, context.proved)
        lock = await _lock(context, own)
    warnings = pickles.mismatches(bundle.models, context.spec.environment.requirements, lock.text)
    pickled = check.pickled(bundle.models)
    missing = await asyncio.to_thread(check.look, context.spec, bundle.files, pickled, lock)
    script = context.spec.entry_script
    if unnamed := pickles.lacking(bundle.models, script, bundle.files[script]):
        status.stage("ModelResolved", True, reasons.NAMES_MISSING, "; ".join([*unnamed, *warnings, *missing.notes]))
    elif warnings:
        status.stage("ModelResolved", True, reasons.VERSION_MISMATCH, "; ".join([*warnings, *missing.notes]))
    elif missing.notes:
        status.stage("ModelResolved", True, reasons.MODULE_MISSING, "; ".join(missing.notes))
    return Desired(context.spec, bundle, lock, missing, chosen.moved)


async def _lock(context: Pass, own: Sequence[str]) -> Lock:
    """The lock, once there are wheels of all packages: those that come as source only are built in the cluster."""
    operator, spec, status = context.operator, context.spec, context.status
    folder = await builds.folder(operator, context.namespace, spec.environment)
    while True:
        try:
            lock = await resolve.lock(operator.store, spec, operator.architecture, own, partial(_log, context), folder)
            break
        except NotBuiltError as needed:
            if folder is None:
                raise needed.error from None
            try:
                await builds.build(operator, context.owner, spec, needed, folder)
            except BuildingWheel as building:
                status.stage("EnvironmentBuilt", False, reasons.BUILDING, str(building))
                status.progress(reasons.BUILDING_ENVIRONMENT, status.with_serving(str(building)))
                raise Waiting(building.again_after) from None
    if not conditions.holds(context.last_status, "EnvironmentBuilt"):
        await builds.drop(operator, context.owner)
    return lock


@contextmanager
def _failing(status: StatusBuilder, stage: str) -> Iterator[None]:
    """A block whose errors are those of the stage."""
    try:
        yield
    except UserError as error:
        status.stage(stage, False, error.reason, str(error))
        raise


async def _chosen(context: Pass) -> tuple[Chosen, tuple[ModelVersion, ...]]:
    """The versions of what is at addresses, chosen once for a generation or as often as `refresh` says; all models."""
    operator, status, generation = context.operator, context.status, context.generation
    last = context.last_status.get("models", [])
    resolved = {model["name"]: model["version"] for model in last if model.get("generation") == generation}
    source = context.last_status.get("source", {})
    if source.get("generation") == generation:
        resolved[addressed.SOURCE] = source["version"]
    try:
        chosen = await addressed.with_versions(
            operator.cluster,
            operator.store,
            operator.fetches,
            context.owner,
            context.spec,
            resolved,
            partial(operator.queue.add, context.key),
        )
    except Fetching as fetching:
        status.stage("ModelResolved", False, reasons.FETCHING_MODEL, fetching.detail)
        status.progress(reasons.FETCHING_MODEL, status.with_serving(str(fetching)))
        raise Waiting(fetching.again_after) from None
    if chosen.again_after is not None:
        context.look_again(chosen.again_after)
    versions = await asyncio.to_thread(operator.store.select_models, chosen.spec.models)  # reads the disk
    # Written down whatever becomes of the rest, so that this generation stays with it.
    status.values["models"] = [
        {
            "name": version.name,
            "version": version.version,
            "digest": version.digest,
            **({"generation": generation} if model.uri else {}),
        }
        for model, version in zip(chosen.spec.models, versions, strict=True)
    ]
    status.values["source"] = (code := chosen.source) and {
        "commit": code.commit,
        "version": code.version,
        "generation": generation,
        **_serving_commit(context),
    }
    return chosen, versions


def _serving_commit(context: Pass) -> dict[str, str]:
    """The commit that has served, as long as its revision does."""
    last, now = context.last_status, context.status.values["revisions"] or {}
    commit = last.get("source", {}).get("serving")
    return {"serving": commit} if commit and last.get("revisions", {}).get("serving") == now.get("serving") else {}


def _log(context: Pass, text: str) -> None:
    log.info("%s/%s: %s", *context.key, text)


def _require_own_children(observed: Observed, namespace: str) -> None:
    if observed.foreign:
        where = f"there is a {observed.foreign[0]} in namespace {namespace}"
        raise UserError(reasons.NOT_OWNED, f"{where} that is not this resource's; rename one of the two")


async def _wanted(context: Pass, desired: Desired, observed: Observed, *, is_to_serve: bool) -> RecordedRevision:
    """The newest revision if it has these inputs, else a new one, which is recorded before anything serves it."""
    operator, status, newest = context.operator, context.status, observed.newest
    if newest is not None and newest.inputs == desired.inputs and await _is_deliverable(context, newest):
        status.stage("EnvironmentBuilt", True, reasons.BUILT, "the environment is installed")
        operator.environments.want(context.key, None)
        return newest
    if is_to_serve and conditions.holds(context.last_status, "Ready"):
        # an edit of something referred to changes no generation
        status.progress(reasons.PROGRESSING, "a new revision is being prepared")
        await context.report()
    try:
        async with sweep_lock.shared(operator.layout.root / "lock"):
            epoch = max(context.decision.epoch, pods.latest_epoch(observed.pods)) + 1
            before = history.served_last(observed.history, context.proved)
            builder = RevisionBuilder(operator, context.owner, status)
            return await builder.build(desired, newest, before, observed.next_number, epoch)
    except Building as building:
        status.progress(reasons.BUILDING_ENVIRONMENT, status.with_serving(str(building)))
        raise Waiting from None


async def _is_deliverable(context: Pass, newest: RecordedRevision) -> bool:
    """Whether its image can be delivered, or has been. An upgrade of the operator builds nothing again."""
    delivery = context.operator.delivery
    if not newest.image.startswith(f"{delivery.repository(context.owner['metadata']['uid'])}@"):
        return False  # built for another delivery: for a registry, or for nodes
    kept = await asyncio.to_thread(image.stored, context.operator.layout, newest.image)
    return kept is not None or not await delivery.lacking(newest.image)


async def _choose(context: Pass, desired: Desired, observed: Observed) -> tuple[Choice, Decision]:
    """The revision that is to serve, and the decision before with the user's wishes as they are now.

    New inputs have a new revision built.
    """
    wishes = ObservedSpec(desired.inputs, context.generation)
    pin = context.requested(wishes, observed.newest)
    previous = context.decision.with_spec(wishes, pin)
    requested = history.as_asked(observed.history, pin, desired.inputs)
    try:
        wanted = await _wanted(context, desired, observed, is_to_serve=requested is None)
    except (Waiting, UserError):
        if requested:  # it does not wait for a revision that is not to serve
            return requested, previous
        if previous.epoch and previous != context.decision:
            # So that a request which comes while an environment is built is known to be later.
            await context.decide(previous)
        raise
    context.status.revisions(wanted=wanted.number)
    known = [*(past for past in observed.history if past.number != wanted.number), wanted]
    choice = history.choose(known, wanted, pin, desired.inputs, context.proved)
    if choice.because and pin and pin.inputs == desired.inputs:
        failure = choice.because
        message = f"{failure.message}{_way_out(context, observed)}"
        return replace(choice, because=failure._replace(message=message)), previous
    return choice, previous


def _way_out(context: Pass, observed: Observed) -> str:
    unsigned = f"; not made by the operator: {', '.join(observed.unsigned)}" if observed.unsigned else ""
    command = f"kubectl annotate lmd {context.name} --namespace {context.namespace} {names.SERVE_ANNOTATION}-"
    return f"{unsigned}; remove the annotation with {command}, or edit: the next edit ends it"


async def _prune(context: Pass, choice: Choice, observed: Observed) -> None:
    """Delete superseded revisions beyond the limit; their images go with the next sweep."""
    others = [past for past in observed.history if past.number != choice.target.number]
    sound = {past.number for past in others if past.number in context.decision.served and not past.failed}
    keep = {*context.proved, observed.newest and observed.newest.number}
    numbers = [past.number for past in others]
    excess = {*revision.beyond(context.spec.revision_history_limit, numbers, sound)} - keep
    for record in observed.revisions:
        if record["revision"] in excess:
            metadata = record["metadata"]
            await context.operator.cluster.delete(REVISION, context.namespace, metadata["name"], metadata["uid"])
    if excess:
        context.operator.queue.add_after(_SWEPT_AFTER, SWEEP)
