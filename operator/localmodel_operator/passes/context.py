"""The state that the steps of a pass share: the resource, its decision, and the status to write."""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any

from localmodel import reasons
from localmodel.cluster_records import names
from localmodel.cluster_records.decision import config_map_name
from localmodel.errors import UserError
from localmodel.resource.spec import DeploymentSpec
from localmodel.store import ModelVersion
from localmodel_operator import children
from localmodel_operator.cluster import (
    AUTOSCALER,
    CONFIG_MAP,
    DEPLOYMENT,
    HTTP_ROUTE,
    INGRESS,
    SERVICE,
    Object,
    RefusedError,
)
from localmodel_operator.operator import Operator
from localmodel_operator.optional import kinds
from localmodel_operator.passes import observed
from localmodel_operator.passes.observed import Observed
from localmodel_operator.pods.admin import SupersededError
from localmodel_operator.records import decision, pin
from localmodel_operator.records.decision import Decision
from localmodel_operator.records.history import RecordedRevision
from localmodel_operator.records.pin import ObservedSpec, Pin
from localmodel_operator.status import report
from localmodel_operator.status.builder import StatusBuilder
from localmodel_operator.workqueue import Key

log = logging.getLogger(__name__)

_REFUSED = {
    DEPLOYMENT.name: reasons.DEPLOYMENT_REFUSED,
    SERVICE.name: reasons.SERVICE_REFUSED,
    AUTOSCALER.name: reasons.AUTOSCALER_REFUSED,
    INGRESS.name: reasons.ROUTE_REFUSED,
    HTTP_ROUTE.name: reasons.ROUTE_REFUSED,
}

RESYNC = 300.0  # seconds, give or take a fifth


class Waiting(Exception):
    """The pass cannot continue now; an event, or the end of the given time, starts the next one."""

    def __init__(self, again_after: float | None = None) -> None:
        self.again_after = again_after


@dataclass
class Pass:
    """One pass over one resource.

    `decision` says which revision is to serve, `decision_object` is its ConfigMap as the API server has it.
    `again_after`: seconds until the next pass at the latest, however this one ends. `models` are those that the spec
    names, once they are resolved.
    """

    operator: Operator
    owner: Object
    spec: DeploymentSpec
    status: StatusBuilder = field(default_factory=StatusBuilder)
    decision: Decision = decision.FIRST
    decision_object: Object | None = None
    again_after: float | None = None
    models: tuple[ModelVersion, ...] = ()
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def namespace(self) -> str:
        return str(self.owner["metadata"]["namespace"])

    @property
    def name(self) -> str:
        return str(self.owner["metadata"]["name"])

    @property
    def key(self) -> Key:
        return self.namespace, self.name

    @property
    def generation(self) -> int:
        return int(self.owner["metadata"]["generation"])

    @property
    def last_status(self) -> dict[str, Any]:
        """The last written status."""
        return dict(self.owner.get("status", {}))

    @property
    def is_edited(self) -> bool:
        """Whether the status is about an earlier generation."""
        return bool(self.last_status.get("observedGeneration") != self.generation)

    @property
    def local_port(self) -> int:
        """Its port on localhost, or 0 if it has none yet."""
        port = self.status.values.get("localPort") or self.last_status.get("localPort") or self.spec.local_port
        return int(port or 0)

    @property
    def proved(self) -> tuple[int | None, int | None]:
        """Revisions that have served, the last one first."""
        return self.decision.good, self.decision.before

    def requested(self, spec: ObservedSpec, newest: RecordedRevision | None) -> Pin | None:
        """The request for a revision by annotation, from `pin.remember()`."""
        last = self.decision.observed_spec
        if not last.inputs and newest:  # the decision was lost, or is of an operator that kept no inputs
            last = ObservedSpec(newest.inputs, last.generation)
        return pin.remember(self._serve_annotation, spec, last, pin.parse(self.decision.pin))

    @property
    def _serve_annotation(self) -> str | None:
        text: str | None = self.owner["metadata"].get("annotations", {}).get(names.SERVE_ANNOTATION)
        return text

    async def observe(self) -> Observed:
        """Look at the cluster, and take over the decision that is written there."""
        operator = self.operator
        optional = kinds.asked_for(self.spec)
        seen = await observed.observe(operator.cluster, operator.admin, operator.signer, self.owner, optional)
        decided = seen.decision or decision.lost(self.last_status, self._serve_annotation)
        self.decision, self.decision_object = decided.with_history(seen.history), seen.decision_object
        if seen.decision is None and seen.decision_object is not None:
            text = "%s/%s: ConfigMap %s was not signed by an operator: it is not obeyed, and written anew"
            log.warning(text, *self.key, config_map_name(self.name))
            # Only its resource version is kept, which the next one replaces.
            version = seen.decision_object["metadata"]["resourceVersion"]
            self.decision_object = {"metadata": {"resourceVersion": version}}
        return seen

    def look_again(self, seconds: float) -> None:
        """Start the next pass after this many seconds at the latest."""
        self.again_after = seconds if self.again_after is None else min(seconds, self.again_after)

    async def report(self, status: StatusBuilder | None = None) -> None:
        """Write the status; `status` in the place of this pass's own."""
        async with self._writing:  # each write includes the previous one
            await report.write_status(self.operator.cluster, self.owner, status or self.status)

    async def report_value(self, name: str, value: Any) -> None:
        """Write only one value of the status."""
        status = self.status if self.is_edited else StatusBuilder.of(self.last_status)
        status.values[name] = value
        await self.report(status)

    async def apply(self, child: Object, *, is_new: bool = False) -> Object:
        """Server-side apply of a child.

        Raises:
            UserError: the API server refuses it for good.
            Waiting: it `is_new`, and somebody else has made one of its name since it was looked for.
        """
        try:
            return await self.operator.cluster.apply(child, force=not is_new)
        except RefusedError as error:
            kind = child["kind"]
            if is_new and error.code == 409:
                raise Waiting(0.0) from None
            if error.code == 404 and kind == HTTP_ROUTE.name and not report.is_namespace_ending(error):
                text = (
                    "the cluster does not know HTTPRoute: install the Gateway API and a controller, or choose Ingress"
                )
                raise UserError(_REFUSED[kind], f"spec.service.expose: Gateway: {text}") from None
            if error.code not in (400, 403, 422) or report.is_namespace_ending(error):
                raise
            raise UserError(_REFUSED[kind], f"the API server refuses the {kind}: {error}") from None

    async def decide(self, decided: Decision, gate: bytes | None = None, bundle: bytes | None = None) -> None:
        """Write a decision; see decision.write.

        Raises:
            SupersededError: somebody has written or deleted it meanwhile.
        """
        metadata = children.metadata(self.owner, config_map_name(self.name))
        owner = decision.owner_of(self.owner)
        body = decision.write(metadata, owner, self.operator.signer, decided, self.decision_object, gate, bundle)
        try:
            if self.decision_object is None:
                written = await self.operator.cluster.create(CONFIG_MAP, self.namespace, body)
            else:
                written = await self.operator.cluster.replace(CONFIG_MAP, body)
        except RefusedError as error:
            if error.code not in (404, 409) or report.is_namespace_ending(error):
                raise
            raise SupersededError("another decision was written meanwhile, or this one was deleted") from None
        self.decision_object, self.decision = written, decided
