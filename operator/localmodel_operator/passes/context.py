"""What the steps of a pass share: whose pass it is, what it has decided, and what its status will say."""

from dataclasses import dataclass, field

from localmodel.errors import UserError
from localmodel.resource.spec import DeploymentSpec
from localmodel.store import ModelVersion
from localmodel_operator import children, names
from localmodel_operator.cluster import CONFIG_MAP, Object, Refused
from localmodel_operator.operator import Site
from localmodel_operator.pods.admin import Superseded
from localmodel_operator.records import decision, pin
from localmodel_operator.records.decision import Decision
from localmodel_operator.records.history import Recorded
from localmodel_operator.records.pin import Look, Pin
from localmodel_operator.status import report
from localmodel_operator.status.builder import Seen
from localmodel_operator.workqueue import Key

RESYNC = 300.0  # seconds, give or take a fifth


class Waiting(Exception):
    """The pass can go no further now; an event, or the time given, brings the next one."""

    def __init__(self, again_after: float | None = None) -> None:
        self.again_after = again_after


@dataclass
class Case:
    """One resource in one pass.

    `decided` is what is to serve, `decided_object` that as the API server has it. `again`: whatever becomes of the
    pass, the next one comes after so many seconds. `models` are those that the spec names, once they are found.
    """

    site: Site
    owner: Object
    spec: DeploymentSpec
    seen: Seen = field(default_factory=Seen)
    decided: Decision = decision.FIRST
    decided_object: Object | None = None
    again: float | None = None
    models: tuple[ModelVersion, ...] = ()

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
    def proved(self) -> tuple[int | None, int | None]:
        """Revisions that have served, the last one first."""
        return self.decided.good, self.decided.before

    def asked(self, look: Look, newest: Recorded | None) -> Pin | None:
        """The revision that is asked for by annotation, as pin.remember() has it. `newest` is the newest revision."""
        annotation = self.owner["metadata"].get("annotations", {}).get(names.SERVE_ANNOTATION)
        last = self.decided.look
        if not last.inputs and newest:  # an operator that kept none decided that, or it was lost
            last = Look(newest.inputs, last.generation)
        return pin.remember(annotation, look, last, pin.parse(self.decided.pin))

    def look_again(self, seconds: float) -> None:
        """See to it that the next pass comes after so many seconds at the latest."""
        self.again = seconds if self.again is None else min(seconds, self.again)

    async def report(self, seen: Seen | None = None) -> None:
        """Write the status; `seen` in the place of what this pass has seen so far."""
        await report.report(self.site.cluster, self.owner, seen or self.seen)

    async def apply(self, child: Object) -> Object:
        """Server-side apply of a child.

        Raises:
            UserError: the API server refuses it for good.
        """
        try:
            return await self.site.cluster.apply(child)
        except Refused as error:
            if error.code not in (400, 403, 422) or report.is_ending(error):
                raise
            kind = child["kind"]
            raise UserError(f"{kind}Refused", f"the API server refuses the {kind}: {error}") from None

    async def decide(self, decided: Decision, gate: bytes | None = None, bundle: bytes | None = None) -> None:
        """Write a decision down; see decision.write.

        Raises:
            Superseded: somebody has written or deleted it meanwhile.
        """
        metadata = children.metadata(self.owner, decision.name(self.name))
        owner = decision.owner_of(self.owner)
        body = decision.write(metadata, owner, self.site.signer, decided, self.decided_object, gate, bundle)
        try:
            if self.decided_object is None:
                written = await self.site.cluster.create(CONFIG_MAP, self.namespace, body)
            else:
                written = await self.site.cluster.replace(CONFIG_MAP, body)
        except Refused as error:
            if error.code not in (404, 409) or report.is_ending(error):
                raise
            raise Superseded("another decision was written meanwhile, or this one deleted") from None
        self.decided_object, self.decided = written, decided
