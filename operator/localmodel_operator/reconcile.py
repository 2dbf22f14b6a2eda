"""One pass over one LocalModelDeployment: look, do the one next thing that is missing, say what was seen.

A pass is the same whatever caused it: an edit, a restart, a resync, a pod that died. It keeps nothing in memory
that the next pass needs, so an operator killed between any two steps converges.
"""

import asyncio
import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from localmodel import image, pickles, spec, stored
from localmodel.engine import build, nodes
from localmodel.engine.nodes import Node, NodeError
from localmodel.errors import UserError
from localmodel.image import EnvironmentImage, Image
from localmodel.revision import Revision
from localmodel_operator import address, children, delivery, events, names, ports, resolve, rollout, status, using
from localmodel_operator.cluster import (
    DEPLOYMENT,
    EVENT,
    LMD,
    NODE,
    POD,
    REVISION,
    SERVICE,
    Object,
    Refused,
    Unreachable,
)
from localmodel_operator.resolve import Desired
from localmodel_operator.rollout import Rollout
from localmodel_operator.site import SWEEP, Site
from localmodel_operator.status import Seen
from localmodel_operator.workqueue import Key

log = logging.getLogger(__name__)

RESYNC = 300.0  # seconds, give or take a fifth
_POLL = 0.1  # seconds between looks at the address, which sends no event
_VERIFY_TRIES = 20
_NOTED_AFTER = 1.0  # seconds


class Waiting(Exception):
    """The pass can go no further now; an event, or the time given, brings the next one."""

    def __init__(self, again_after: float | None = None) -> None:
        self.again_after = again_after


@dataclass(frozen=True)
class Recorded:
    """The newest ControllerRevision: what was asked for (`inputs`), and the image and pod template that serve it."""

    number: int
    inputs: str
    image: str
    template: Object


class Pass:
    """One look at one resource. `seen` is what its status will say."""

    def __init__(self, site: Site, owner: Object) -> None:
        self.site, self.owner = site, owner
        metadata = owner["metadata"]
        self.namespace, self.name, self.uid = metadata["namespace"], metadata["name"], metadata["uid"]
        self.key: Key = (self.namespace, self.name)
        self.spec = spec.parse(owner["spec"])
        self.seen = Seen()

    async def run(self) -> float | None:
        """Do what is missing, and write the status. Returns after how many seconds to look again, if not by event."""
        again: float | None = None
        failure: Exception | None = None
        try:
            await self._advance()
            self.site.queue.forgive(self.key)
            again = RESYNC * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, guards nothing
        except Waiting as waiting:
            again = waiting.again_after
        except UserError as error:
            self.seen.fail(error.reason, self._with_serving(str(error)))
            self.site.queue.retry(self.key)
        except NodeError as error:
            self.seen.stage("ImageDelivered", False, "DeliveryFailed", str(error))
            self.seen.progress("DeliveryFailed", self._with_serving(str(error)))
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

    async def _advance(self) -> None:
        await self._observe_children()
        if self.spec.suspend:
            self.site.environments.want(self.key, None)
            self.seen.pause("spec.suspend is true: edits wait, and what serves goes on serving")
            return
        # An edit shows in the status before any work on it begins.
        if self.owner.get("status", {}).get("observedGeneration") != self.owner["metadata"]["generation"]:
            self.seen.progress("Progressing", "the edit is being read")
            await self.report()
        desired = await self._resolve()
        recorded = await self._recorded()
        if (recorded is None or recorded.inputs != desired.inputs) and self._is_called_ready():
            # an edit of something referred to changes no generation
            self.seen.progress("Progressing", "a new revision is being prepared")
            await self.report()
        cluster_nodes = await self.site.engine.call(nodes.nodes, self.site.kind_cluster)
        node_port = await self._node_port(cluster_nodes)
        await self._require_own_children()
        async with using.shared(self.site.layout.root / "lock"):
            if (
                recorded is None
                or recorded.inputs != desired.inputs
                or not await self._deliver_again(recorded, cluster_nodes)
            ):
                recorded = await self._make(desired, recorded, cluster_nodes)
        await self._apply(children.service(self.owner, node_port))
        applied = await self._apply(children.deployment(self.owner, self.spec, recorded.template))
        await self._roll_out(applied, recorded.number)
        await self._verify(recorded.number, node_port)
        await self._prune(recorded.number)

    # -- looking ------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://localhost:{self.spec.local_port}/score"

    async def _pods(self) -> list[Object]:
        labels = f"{names.DEPLOYMENT_LABEL}={self.name}"
        return await self.site.cluster.list(POD, self.namespace, labels)

    async def _observe_children(self) -> None:
        """What serves now, for the status of a pass that gets no further."""
        found = await self.site.cluster.get(DEPLOYMENT, self.namespace, self.name)
        if found is None or not self._owns(found):
            self.seen.values["revisions"] = None
            self.seen.available = (False, "nothing has been deployed yet")
            return
        number = int(found["spec"]["template"]["metadata"]["labels"].get(names.REVISION_LABEL, 0))
        self._note(rollout.judge(found, await self._pods(), number), number)

    def _note(self, state: Rollout, wanted: int) -> None:
        revisions = {"wanted": wanted, "serving": state.serving}
        self.seen.values["revisions"] = {name: number for name, number in revisions.items() if number}
        self.seen.values["replicas"] = state.replicas
        self.seen.values["selector"] = f"{names.DEPLOYMENT_LABEL}={self.name}"
        answering = state.serving is not None
        self.seen.available = (answering, f"revision {state.serving} answers" if answering else "no pod is ready")

    def _is_called_ready(self) -> bool:
        return status.ready_condition(self.owner.get("status", {})).get("status") == "True"

    def _with_serving(self, message: str) -> str:
        serving = (self.seen.values.get("revisions") or {}).get("serving")
        return f"{message} (revision {serving} goes on serving)" if serving else message

    def _owns(self, child: Mapping[str, Any]) -> bool:
        owners = child["metadata"].get("ownerReferences", [])
        return any(owner.get("controller") and owner["uid"] == self.uid for owner in owners)

    async def _require_own_children(self) -> None:
        for kind in (DEPLOYMENT, SERVICE):
            found = await self.site.cluster.get(kind, self.namespace, self.name)
            if found is not None and not self._owns(found):
                raise UserError(
                    "NotOwned",
                    f"there is a {kind.name} {self.name} in namespace {self.namespace} that is not this resource's; "
                    "rename one of the two",
                )

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
            lock = await resolve.lock(self.site.store, self.spec, await self._architecture())
        except UserError as error:
            self.seen.stage("EnvironmentBuilt", False, error.reason, str(error))
            raise
        environment = self.spec.environment
        complete = not environment.is_own_base
        if warnings := pickles.mismatches(bundle.models, environment.requirements, lock.text, complete=complete):
            self.seen.stage("ModelResolved", True, "VersionMismatch", "; ".join(warnings))
        return Desired(self.spec, bundle, lock)

    async def _architecture(self) -> str:
        listed = await self.site.cluster.list(NODE)
        return str(listed[0]["metadata"]["labels"]["kubernetes.io/arch"])

    async def _revisions(self) -> list[Object]:
        labels = f"{names.DEPLOYMENT_LABEL}={self.name}"
        found = await self.site.cluster.list(REVISION, self.namespace, labels)
        return sorted(filter(self._owns, found), key=lambda revision: int(revision["revision"]))

    async def _recorded(self) -> Recorded | None:
        found = await self._revisions()
        if not found:
            return None
        data = found[-1]["data"]
        return Recorded(found[-1]["revision"], data["inputs"], data["image"], data["template"])

    async def _node_port(self, cluster_nodes: list[Node]) -> int:
        mapped = {local: port for node in cluster_nodes for local, port in node.ports if 30000 <= port <= 32767}
        taken = {
            port["nodePort"]: f"{service['metadata']['namespace']}/{service['metadata']['name']}"
            for service in await self.site.cluster.list(SERVICE)
            for port in service["spec"].get("ports", [])
            if "nodePort" in port
        }
        return ports.node_port(self.spec.local_port, mapped, taken, f"{self.namespace}/{self.name}")

    # -- acting: each step is idempotent by content ---------------------------------------------------------------

    async def _deliver_again(self, recorded: Recorded, cluster_nodes: list[Node]) -> bool:
        """See to it that every node has the image of a revision made before. False: it has to be made anew.

        What was made stays as it is when the operator is upgraded, until the user edits something.
        """
        self.site.environments.want(self.key, None)
        lacking = await delivery.lacking(self.site.engine, cluster_nodes, recorded.image)
        if lacking:
            stored = image.stored(self.site.layout, recorded.image)
            if stored is None:
                return False
            await self._deliver(stored, recorded.image, lacking)
        self._delivered(recorded.image)
        self.seen.stage("EnvironmentBuilt", True, "Built", "the environment is installed")
        return True

    async def _make(self, desired: Desired, before: Recorded | None, cluster_nodes: list[Node]) -> Recorded:
        """Make the image of what is desired, bring it to the nodes, and record the revision."""
        server = build.server_digest()
        key = self.site.environments.key(self.spec.environment, desired.lock, server)
        self.seen.values["environment"] = key
        environment = await self._environment(desired, key)
        bundle, layout = desired.bundle, self.site.layout
        composed = await asyncio.to_thread(
            image.compose, layout, environment, self.site.store, bundle.models, self.spec.entry_script, bundle.files
        )
        reference = composed.reference(names.repository(self.uid))
        lacking = await delivery.lacking(self.site.engine, cluster_nodes, reference)
        if lacking:
            await self._deliver(composed, reference, lacking)
        self._delivered(reference)
        if before and (before.inputs, before.image) == (desired.inputs, reference):
            return before
        revision = Revision(environment.base, server, desired.lock.digest, bundle.digest, bundle.settings)
        return await self._record(desired, before, revision, key, reference)

    async def _environment(self, desired: Desired, key: str) -> EnvironmentImage:
        environments, wanted = self.site.environments, self.spec.environment
        environments.want(self.key, key)
        if built := environments.find(key):
            self.seen.stage("EnvironmentBuilt", True, "Built", "the environment is installed")
            return built
        try:
            environments.start(key, wanted, desired.lock, lambda: self.site.queue.add(self.key))
        except UserError as error:
            self.seen.stage("EnvironmentBuilt", False, error.reason, str(error))
            raise
        message = f"the environment is being installed on {wanted.base}"
        self.seen.stage("EnvironmentBuilt", False, "Building", message)
        self.seen.progress("BuildingEnvironment", self._with_serving(message))
        raise Waiting

    async def _deliver(self, composed: Image, reference: str, to: list[Node]) -> None:
        self.seen.progress("Delivering", "the image is on its way to the nodes")
        await delivery.deliver(self.site.engine, self.site.layout, composed, reference, to)

    def _delivered(self, reference: str) -> None:
        self.seen.values["image"] = reference
        self.seen.stage("ImageDelivered", True, "Delivered", "every node has the image")

    async def _record(
        self, desired: Desired, before: Recorded | None, revision: Revision, key: str, reference: str
    ) -> Recorded:
        """Record the revision, before anything serves it."""
        previous = await self._revisions()
        cause = revision.changes_from(Revision(**previous[-1]["data"]["digests"]) if previous else None)
        number = before.number + 1 if before else 1
        template = children.pod_template(self.name, self.spec, number, reference, desired.bundle.models)
        made = Recorded(number, desired.inputs, reference, template)
        record = {
            "inputs": made.inputs,
            "environment": key,
            "image": reference,
            "cause": cause,
            "template": made.template,
            "models": [f"{model.name}:{model.version}" for model in desired.bundle.models],
            "code": desired.bundle.code,
            "entryScript": self.spec.entry_script,
        }
        body = children.controller_revision(self.owner, number, revision, record)
        await self.site.cluster.create(REVISION, self.namespace, body)
        self.site.queue.add_after(_NOTED_AFTER, SWEEP)  # which also notes for the store what is in use now
        return made

    async def _apply(self, child: Object) -> Object:
        try:
            return await self.site.cluster.apply(child)
        except Refused as error:
            if error.code not in (400, 403, 422) or _is_ending(error):
                raise
            kind = child["kind"]
            raise UserError(f"{kind}Refused", f"the API server refuses the {kind}: {error}") from None

    async def _roll_out(self, deployment: Object, number: int) -> None:
        state = rollout.judge(deployment, await self._pods(), number)
        self._note(state, number)
        if state.complete:
            return
        if state.failure and state.stalled:
            reason, message = state.failure
            self.seen.fail(reason, self._with_other(message, state, number))
        elif state.failure:
            reason, message = state.failure
            self.seen.progress(reason, self._with_other(message, state, number))
        else:
            self.seen.progress("RollingOut", f"pods of revision {number} are starting")
        raise Waiting(RESYNC)

    def _with_other(self, message: str, state: Rollout, number: int) -> str:
        return message if state.serving == number else self._with_serving(message)

    async def _verify(self, number: int, node_port: int) -> None:
        """Ready means: it answered at the address the user will call, with this revision."""
        if self.spec.replicas == 0:
            self.seen.succeed("ScaledToZero", "spec.replicas is 0: nothing is wanted, and nothing answers")
            return
        base = self.site.verify(self.spec.local_port, node_port)
        problem = ""
        for _ in range(_VERIFY_TRIES):
            problem = await address.problem(base, number, self.spec.replicas)
            if not problem:
                self.seen.values["url"] = self.url
                self.seen.succeed("Serving", f"revision {number} serves at {self.url}")
                return
            await asyncio.sleep(_POLL)
        self.seen.progress("NotAnswering", f"the pods are ready, but {problem}")
        raise Waiting(1.0)

    async def _prune(self, number: int) -> None:
        """Forget superseded revisions beyond the limit; their images go with the next sweep."""
        superseded = [found for found in await self._revisions() if found["revision"] != number]
        excess = superseded[: max(0, len(superseded) - self.spec.revision_history_limit)]
        for found in excess:
            metadata = found["metadata"]
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
