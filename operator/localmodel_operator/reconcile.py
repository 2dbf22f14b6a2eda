"""One pass over one LocalModelDeployment: look, do the one next thing that is missing, say what was seen.

A pass is the same whatever caused it: an edit, a restart, a resync, a pod that died. It keeps nothing in memory
that the next pass needs, so an operator killed between any two steps converges.
"""

import asyncio
import logging
import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from localmodel import gate, image, pickles, spec, stored
from localmodel.engine import nodes
from localmodel.errors import UserError
from localmodel_operator import (
    address,
    children,
    decision,
    delivery_news,
    errors_since,
    events,
    history,
    names,
    pods,
    ports,
    resolve,
    rollout,
    status,
    swap,
    using,
    world,
)
from localmodel_operator.admin import CannotTake, RevisionFailed, Superseded
from localmodel_operator.bundles import Bundles
from localmodel_operator.cluster import (
    CONFIG_MAP,
    EVENT,
    LMD,
    REVISION,
    SERVICE,
    Object,
    PodUnreachable,
    Refused,
    Unreachable,
)
from localmodel_operator.decision import Decision
from localmodel_operator.history import Choice, Recorded
from localmodel_operator.making import Building, Maker
from localmodel_operator.resolve import Desired
from localmodel_operator.site import SWEEP, Site
from localmodel_operator.status import Seen
from localmodel_operator.workqueue import Key
from localmodel_operator.world import World

log = logging.getLogger(__name__)

RESYNC = 300.0  # seconds, give or take a fifth
_POLL = 0.1  # seconds between looks at the address, which sends no event
_VERIFY_TRIES = 20
_WATCH_ERRORS_EVERY = 2.0  # seconds
_ANNOTATION_LIMIT = 4096


class Waiting(Exception):
    """The pass can go no further now; an event, or the time given, brings the next one."""

    def __init__(self, again_after: float | None = None) -> None:
        self.again_after = again_after


class Pass:
    """One look at one resource. `seen` is what its status will say."""

    def __init__(self, site: Site, owner: Object) -> None:
        self.site, self.owner = site, owner
        metadata = owner["metadata"]
        self.namespace, self.name, self.uid = metadata["namespace"], metadata["name"], metadata["uid"]
        self.key: Key = (self.namespace, self.name)
        self.spec = spec.parse(owner["spec"])
        self.seen = Seen()
        self._decided: Decision = decision.FIRST
        self._decided_object: Object | None = None
        self._pin: history.Pin | None = None

    async def run(self) -> float | None:
        """Do what is missing, and write the status. Returns after how many seconds to look again, if not by event."""
        again: float | None = None
        failure: Exception | None = None
        try:
            again = await self._advance()
            self.site.queue.forgive(self.key)
            again = again or RESYNC * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, guards nothing
        except Waiting as waiting:
            again = waiting.again_after
        except UserError as error:
            self.seen.fail(error.reason, self._with_serving(str(error)))
            self.site.queue.retry(self.key)
        except (Superseded, PodUnreachable, swap.Overtaken) as error:
            self.seen.progress("Updating", self._with_serving("the pods are being told what to serve"))
            if not isinstance(error, swap.Overtaken):
                log.info("%s/%s: %s: %s", *self.key, type(error).__name__, error)
            self.site.queue.retry(self.key)
        except Unreachable:
            raise  # nothing was learned, and nothing could be written
        except Exception as error:
            if not (isinstance(error, Refused) and _is_ending(error)):
                self._fell(error)
                failure = error
        # A pass that is cancelled comes to neither: what it had not yet looked at is no news.
        await self.report()
        if failure:
            raise failure
        return again

    def _fell(self, error: Exception) -> None:
        """Say so in the status too: a pass that nobody foresaw is retried, but must not look like progress."""
        message = f"the operator failed, and tries again: {type(error).__name__}: {error}; its log says more"
        self.seen.progress("OperatorFailed", self._with_serving(message))

    async def _advance(self) -> float | None:
        found = await self._look()
        if self.spec.suspend:
            self.site.environments.want(self.key, None)
            self.seen.pause("spec.suspend is true: edits wait, and what serves goes on serving")
            return None
        # An edit shows in the status before any work on it begins.
        if self.owner.get("status", {}).get("observedGeneration") != self.owner["metadata"]["generation"]:
            self.seen.progress("Progressing", "the edit is being read")
            await self.report()
        desired, node_port = await self._resolve(), await self._node_port()
        self._require_own_children(found)
        choice = self._choose(desired, await self._wanted(desired, found), found)
        await self._apply(children.service(self.owner, node_port))
        found = await self._bring(choice, desired, found)
        if pods.everywhere(found.pods, choice.target):
            # what serves is told before what makes it last
            await self._settle(choice, desired, node_port)
        await self._roll_out(choice, found)
        if not self._decided.committed:
            await self._write(self._decided.done())
        if not self.seen.settled:
            await self._settle(choice, desired, node_port)
        await self._prune(found, choice)
        return await self._judge_errors(choice, found)

    # -- looking ------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://localhost:{self.spec.local_port}/score"

    async def _look(self) -> World:
        """What there is now, for the status of a pass that gets no further, too."""
        found = await world.look(self.site.cluster, self.site.admin, *self.key, self.uid)
        self._decided, self._decided_object = found.decision, found.decided
        if found.deployment is None:
            self.seen.values["revisions"] = None
            self.seen.available = (False, "nothing has been deployed yet")
            return found
        self._note(found.deployment, found)
        return found

    def _note(self, deployment: Mapping[str, Any], found: World) -> None:
        number, serving = found.started_with, pods.answering(found.pods)
        state = rollout.judge(deployment, [pod.found for pod in found.pods], number)
        newest = max((each.number for each in found.history), default=number)
        revisions = {"wanted": newest, "serving": serving, "durable": number if state.complete else None}
        self.seen.values["revisions"] = {name: number for name, number in revisions.items() if number}
        self.seen.values["replicas"] = state.replicas
        self.seen.values["selector"] = f"{names.DEPLOYMENT_LABEL}={self.name}"
        answers = f"revision {serving} answers" if serving else "no pod is ready"
        self.seen.available = (serving is not None, answers)

    def _is_called_ready(self) -> bool:
        return status.ready_condition(self.owner.get("status", {})).get("status") == "True"

    def _with_serving(self, message: str) -> str:
        serving = (self.seen.values.get("revisions") or {}).get("serving")
        return f"{message} (revision {serving} goes on serving)" if serving else message

    async def _resolve(self) -> Desired:
        self.site.references.set(self.key, self.namespace, self.spec)
        try:
            self.spec = stored.filled_in(self.spec, self.site.store)
            bundle = await resolve.bundle(self.site.cluster, self.site.store, self.namespace, self.spec)
        except UserError as error:
            self.seen.stage("ModelResolved", False, error.reason, str(error))
            raise
        self.seen.stage("ModelResolved", True, "Resolved", "models and code are there")
        self.seen.values["models"] = [
            {"name": model.name, "version": model.version, "digest": model.digest} for model in bundle.models
        ]
        try:
            lock = await resolve.lock(self.site.store, self.spec, self.site.architecture)
        except UserError as error:
            self.seen.stage("EnvironmentBuilt", False, error.reason, str(error))
            raise
        environment = self.spec.environment
        complete = not environment.is_own_base
        if warnings := pickles.mismatches(bundle.models, environment.requirements, lock.text, complete=complete):
            self.seen.stage("ModelResolved", True, "VersionMismatch", "; ".join(warnings))
        return Desired(self.spec, bundle, lock)

    async def _node_port(self) -> int | None:
        """The node port behind the port on localhost; None where the cluster's nodes are not containers of ours."""
        if self.site.kind_cluster is None:
            return None
        cluster_nodes = await self.site.engine.call(nodes.nodes, self.site.kind_cluster)
        mapped = {local: port for node in cluster_nodes for local, port in node.ports if 30000 <= port <= 32767}
        taken = {
            port["nodePort"]: f"{service['metadata']['namespace']}/{service['metadata']['name']}"
            for service in await self.site.cluster.list(SERVICE)
            for port in service["spec"].get("ports", [])
            if "nodePort" in port
        }
        return ports.node_port(self.spec.local_port, mapped, taken, f"{self.namespace}/{self.name}")

    # -- deciding -----------------------------------------------------------------------------------------------

    def _require_own_children(self, found: World) -> None:
        if found.foreign:
            raise UserError(
                "NotOwned",
                f"there is a {found.foreign[0]} in namespace {self.namespace} that is not this resource's; "
                "rename one of the two",
            )

    async def _wanted(self, desired: Desired, found: World) -> Recorded:
        """The newest revision, if it is what is asked for; else a new one, recorded before anything serves it."""
        newest = found.history[-1] if found.history else None
        if newest is not None and newest.inputs == desired.inputs and await self._is_kept(newest):
            self.seen.stage("EnvironmentBuilt", True, "Built", "the environment is installed")
            self.site.environments.want(self.key, None)
            return newest
        # an edit of something referred to changes no generation
        self.seen.progress("Progressing", "a new revision is being prepared")
        if found.deployment is not None:
            self.seen.durable = (False, "Updating", "a new revision is being prepared")
        await self.report()
        try:
            async with using.shared(self.site.layout.root / "lock"):
                return await Maker(self.site, self.owner, self.seen).make(desired, newest, self._decided.epoch + 1)
        except Building as building:
            self.seen.progress("BuildingEnvironment", self._with_serving(str(building)))
            raise Waiting from None

    async def _is_kept(self, newest: Recorded) -> bool:
        """Whether its image can be delivered, or needs not be. What was made stays when the operator is upgraded."""
        kept = await asyncio.to_thread(image.stored, self.site.layout, newest.image)
        return kept is not None or not await self.site.delivery.lacking(newest.image)

    def _choose(self, desired: Desired, wanted: Recorded, found: World) -> Choice:
        annotation = self.owner["metadata"].get("annotations", {}).get(names.SERVE_ANNOTATION)
        self._pin = history.pin(annotation, desired.inputs, self._decided.pin)
        known = [*(each for each in found.history if each.number != wanted.number), wanted]
        self.seen.values["revisions"] = {**(self.seen.values.get("revisions") or {}), "wanted": wanted.number}
        try:
            return history.choose(known, wanted, self._pin, desired.inputs, self._proved)
        except history.NoSuchRevision as error:
            raise UserError("RevisionNotFound", str(error)) from None

    @property
    def _proved(self) -> tuple[int | None, int | None]:
        return self._decided.good, self._decided.before

    async def _write(self, decided: Decision, gate: bytes | None = None, bundle: bytes | None = None) -> None:
        """Write the decision down. If another operator has written meanwhile, this fails, and the next pass looks."""
        metadata = children.metadata(self.owner, decision.name(self.name))
        body = decision.write(metadata, decided, self._decided_object, gate, bundle)
        try:
            if self._decided_object is None:
                written = await self.site.cluster.create(CONFIG_MAP, self.namespace, body)
            else:
                written = await self.site.cluster.replace(CONFIG_MAP, body)
        except Refused as error:
            if error.code != 409:
                raise
            raise Superseded("another decision was written meanwhile") from None
        self._decided_object, self._decided = written, decided

    # -- acting: each step is idempotent by content ---------------------------------------------------------------

    async def _bring(self, choice: Choice, desired: Desired, found: World) -> World:
        """Write down what is to serve, and have running pods serve it if they can. Returns what there is then."""
        target, wanted = choice.target, desired.inputs == choice.target.inputs
        pin = self._pin.text() if self._pin else ""
        is_new = (self._decided.revision, bool(self._decided.epoch)) != (target.number, True)
        following = self._decided.next(target, proved=not wanted, pin=pin) if is_new else self._decided
        hindrance = self._hindrance(found, choice)
        bundles = None if hindrance else await Bundles.of(self.site, target, desired.bundle.gate if wanted else ())
        late = pods.behind(found.pods, target, following.epoch)
        if is_new:
            first = next(iter(late), None)
            bundle = await asyncio.to_thread(bundles.for_later, first) if bundles else b""
            # committed only when every pod has it: one that starts meanwhile goes on with the one before
            written = replace(following, committed=False) if bundles else following
            requests = desired.bundle.gate if wanted else ()
            await self._write(written, gate.text(requests) if requests else b"", bundle)
        elif pin != self._decided.pin:
            await self._write(replace(self._decided, pin=pin))
        if bundles is None or not late:
            return found
        if not self._decided.committed or wanted is False:
            self.seen.progress("Updating", self._with_serving(f"revision {target.number} is being proved in the pods"))
            await self.report()
        try:
            await swap.swap(
                self.site.admin,
                late,
                self._decided.epoch,
                target.revision.content,
                bundles.for_pod,
                self.spec.progress_deadline_seconds,
                lambda: self._is_overtaken(desired),
            )
        except CannotTake as error:
            log.info("%s/%s: not swapped: %s", *self.key, error)
            return found
        except RevisionFailed as error:
            await self._give_up(choice, found, error.reason, str(error))
        found = await self._look()
        if not self._decided.committed and not self._hindrance(found, choice):
            await self._write(self._decided.done())
        return found

    def _hindrance(self, found: World, choice: Choice) -> str | None:
        """Why running pods are not to load the revision beside the one they serve, or None."""
        target = choice.target
        if found.deployment is None:
            return "there are no pods yet"
        different = [pod for pod in found.pods if not pod.has(target)]
        if different and self.spec.strategy == "Roll" and choice.because is None:
            return "spec.update.strategy is Roll"
        if different and not self._decided.committed and found.started_with == target.number:
            return "pods of the new template are on their way"
        return pods.cannot_swap(found.pods, target)

    async def _is_overtaken(self, desired: Desired) -> bool:
        """Whether something else is wanted by now."""
        if not self.site.queue.is_waiting(self.key):
            return False
        owner = await self.site.cluster.get(LMD, *self.key)
        if owner is None or "deletionTimestamp" in owner["metadata"]:
            return True
        if owner["metadata"]["generation"] != self.owner["metadata"]["generation"]:
            return True
        try:
            bundle = await resolve.bundle(self.site.cluster, self.site.store, self.namespace, self.spec)
        except UserError:
            return True
        return replace(desired, bundle=bundle).inputs != desired.inputs

    async def _give_up(self, choice: Choice, found: World, reason: str, message: str) -> None:
        """Not this revision, until an input changes. If there is one to go back to, the next pass does."""
        target = choice.target
        if history.fallback(found.history, target, self._proved):
            log.info("%s/%s: revision %d failed: %s: %s", *self.key, target.number, reason, message)
            failed = {names.FAILED_ANNOTATION: f"{reason}: {message}"[:_ANNOTATION_LIMIT]}
            await self.site.cluster.annotate(REVISION, self.namespace, f"{self.name}-r{target.number}", failed)
            self.seen.progress("RollingBack", self._with_serving(message))
            raise Waiting(0.0)
        self._fail(reason, message)
        raise Waiting(RESYNC)

    def _fail(self, reason: str, message: str) -> None:
        self.seen.fail(reason, self._with_serving(message))
        if reason == "GateFailed":
            self.seen.stage("GatePassed", False, reason, message)

    async def _apply(self, child: Object) -> Object:
        try:
            return await self.site.cluster.apply(child)
        except Refused as error:
            if error.code not in (400, 403, 422) or _is_ending(error):
                raise
            kind = child["kind"]
            raise UserError(f"{kind}Refused", f"the API server refuses the {kind}: {error}") from None

    async def _roll_out(self, choice: Choice, found: World) -> None:
        """See to it that pods are started with the revision. Returns when all were."""
        target = choice.target
        await self._deliver(target, found)
        applied = await self._apply(children.deployment(self.owner, self.spec, target.template))
        listed = await world.listed(self.site.cluster, *self.key)
        state = rollout.judge(applied, listed, target.number)
        self.seen.values["replicas"] = state.replicas
        durable = target.number if state.complete else None
        self.seen.values["revisions"] = {**(self.seen.values.get("revisions") or {}), "durable": durable}
        if state.complete:
            self.seen.durable = (True, "Durable", f"every pod was started with revision {target.number}")
            return
        if state.failure is None:
            message = f"pods of revision {target.number} are starting"
            self.seen.durable = (False, "RollingOut", message)
            if not self.seen.settled:
                self.seen.progress("RollingOut", message)
            raise Waiting(RESYNC)
        reason, message = state.failure
        self.seen.durable = (False, reason, message)
        if state.stalled and reason in rollout.OF_THE_REVISION:
            await self._give_up(choice, found, reason, message)
        if self.seen.settled and not state.late:
            raise Waiting(RESYNC)  # the service goes on
        if state.stalled or state.late:
            self._fail(reason, message)
        else:
            self.seen.progress(reason, self._with_serving(message))
        raise Waiting(RESYNC)

    async def _deliver(self, target: Recorded, found: World) -> None:
        delivery = self.site.delivery
        self.seen.values["image"] = target.image
        if delivery_news.pull_trouble([pod.found for pod in found.pods]):
            delivery.doubt()
        if not await delivery.lacking(target.image):
            self.seen.stage("ImageDelivered", True, "Delivered", delivery.everywhere)
            return
        composed = await asyncio.to_thread(image.stored, self.site.layout, target.image)
        if composed is None:
            text = f"the image of revision {target.number} is gone; edit the resource to have another made"
            raise UserError("ImageLost", text)
        if not self.seen.settled:
            self.seen.progress("Delivering", self._with_serving("the image is on its way"))
        delivered = await delivery.deliver(composed, target.image, lambda: self.site.queue.add(self.key))
        if delivered.complete:
            self.seen.stage("ImageDelivered", True, "Delivered", delivery.everywhere)
            return
        failed = "DeliveryFailed" if delivered.failed else "Delivering"
        self.seen.stage("ImageDelivered", False, failed, delivered.message)
        if delivered.usable:
            if delivered.again_after is not None:
                self.site.queue.add_after(delivered.again_after, self.key)
            return
        if not self.seen.settled:
            self.seen.progress(failed, self._with_serving(delivered.message))
        raise Waiting(delivered.again_after)

    async def _settle(self, choice: Choice, desired: Desired, node_port: int | None) -> None:
        """Ready means: it answered at the address the user will call, with this revision."""
        number = choice.target.number
        if self.spec.replicas == 0:
            self._settled(choice, desired, "ScaledToZero", "spec.replicas is 0: nothing is wanted, and nothing answers")
            return
        if problem := await self._problem(number, node_port):
            self.seen.progress("NotAnswering", f"the pods are ready, but {problem}")
            raise Waiting(1.0)
        self.seen.values["url"] = self.url
        self.seen.values["revisions"] = {**(self.seen.values.get("revisions") or {}), "serving": number}
        if choice.pinned and choice.target.inputs != desired.inputs:
            message = f"revision {number} serves at {self.url}, as asked for by {names.SERVE_ANNOTATION}"
            self._settled(choice, desired, "ServingAsked", f"{message}; the next edit ends that")
        else:
            self._settled(choice, desired, "Serving", f"revision {number} serves at {self.url}")

    def _settled(self, choice: Choice, desired: Desired, reason: str, message: str) -> None:
        self.seen.settled = True
        if choice.because:
            self._fail(*choice.because)
            return
        self.seen.succeed(reason, message)
        if desired.bundle.gate:
            count = len(desired.bundle.gate)
            self.seen.stage("GatePassed", True, "Passed", f"{count} requests were answered as expected")
        elif any(each["type"] == "GatePassed" for each in self.owner.get("status", {}).get("conditions", [])):
            self.seen.stage("GatePassed", True, "NotAsked", "spec.update.gate asks for nothing")

    async def _problem(self, number: int, node_port: int | None) -> str:
        if node_port is None:
            return ""  # the pods have been asked, and there is no other way to the address from here
        base = self.site.verify(self.spec.local_port, node_port)
        problem = ""
        for _ in range(_VERIFY_TRIES):
            problem = await address.problem(base, number, self.spec.replicas)
            if not problem:
                return ""
            await asyncio.sleep(_POLL)
        return problem

    async def _judge_errors(self, choice: Choice, found: World) -> float | None:
        """Whether the revision fails what the one before it answered; returns when to ask again."""
        states = [pod.state for pod in found.pods if pod.state and pod.has(choice.target)]
        if choice.pinned or choice.because:
            return None
        if verdict := errors_since.verdict(states):
            await self._give_up(choice, found, "ErrorRate", verdict)
        return _WATCH_ERRORS_EVERY if errors_since.is_watched(states) else None

    async def _prune(self, found: World, choice: Choice) -> None:
        """Forget superseded revisions beyond the limit; their images go with the next sweep."""
        keep = {choice.target.number, *self._proved, *(each.number for each in found.history[-1:])}
        superseded = [each for each in found.revisions if each["revision"] != choice.target.number]
        oldest = superseded[: max(0, len(superseded) - self.spec.revision_history_limit)]
        excess = [each for each in oldest if each["revision"] not in keep]
        for each in excess:
            metadata = each["metadata"]
            await self.site.cluster.delete(REVISION, self.namespace, metadata["name"], metadata["uid"])
        if excess:
            self.site.queue.add(SWEEP)

    # -- telling --------------------------------------------------------------------------------------------------

    async def report(self) -> None:
        """Write the status where it differs from what is there, and an Event where Ready has a new reason."""
        before = self.owner.get("status", {})
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        after = status.summarise(self.seen, self.owner["metadata"]["generation"], before, now)
        if after == before:
            return
        try:
            written = await self.site.cluster.apply_status(self.owner, after)
        except Refused as error:
            if error.code in (404, 409) or _is_ending(error):  # deleted, or deleted and made anew, meanwhile
                return
            raise
        self.owner["status"] = written["status"]
        if events.worth_telling(before, after):
            await self._tell(events.event(self.owner, self.seen))

    async def _tell(self, event: Object) -> None:
        """Record an Event. A lost one is no reason to fail a pass."""
        try:
            earlier = await self.site.cluster.get(EVENT, self.namespace, event["metadata"]["name"])
            if earlier is None:
                await self.site.cluster.create(EVENT, self.namespace, event)
            else:
                await self.site.cluster.replace(EVENT, events.again(earlier, event))
        except Refused as error:
            log.warning("%s/%s: event not recorded: %s", self.namespace, self.name, error)


def _is_ending(error: Refused) -> bool:
    """The namespace is being deleted and takes nothing new, or is gone."""
    gone = error.code == 404 and str(error).startswith("namespaces ")
    return gone or (error.code == 403 and "being terminated" in str(error))


async def reconcile(site: Site, key: Key) -> None:
    """Look at the LocalModelDeployment with this key, as it is now."""
    owner = await site.cluster.get(LMD, *key)
    if owner is None:
        site.references.forget(key)
        site.environments.want(key, None)
        site.queue.add(SWEEP)
        return
    if "deletionTimestamp" in owner["metadata"]:
        return
    again = await Pass(site, owner).run()
    if again is not None:
        site.queue.add_after(again, key)
