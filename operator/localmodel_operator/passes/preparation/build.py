"""Building a revision: its environment, its image, and its record, in this order, before anything serves it."""

import asyncio

from localmodel import reasons
from localmodel.cluster_records.revisions import RevisionData
from localmodel.environments.layers import server
from localmodel.errors import UserError
from localmodel.imports import check
from localmodel.resource import gate
from localmodel.updates import image, plan
from localmodel.updates.image import EnvironmentImage
from localmodel.updates.plan import Facts
from localmodel.updates.revision import Revision
from localmodel_operator import children
from localmodel_operator.children import Start
from localmodel_operator.cluster import REVISION, Object
from localmodel_operator.inputs.resolve import Desired
from localmodel_operator.operator import SWEEP, Operator
from localmodel_operator.records import decision, history
from localmodel_operator.records.history import RecordedRevision
from localmodel_operator.status.builder import StatusBuilder
from localmodel_operator.workqueue import Key

_NOTED_AFTER = 1.0  # seconds


class Building(Exception):
    """The environment is being built; its end brings the next pass."""


class RevisionBuilder:
    """Builds revisions of one resource; `status` gets the stages."""

    def __init__(self, operator: Operator, owner: Object, status: StatusBuilder) -> None:
        self._operator, self._owner, self._status = operator, owner, status
        self._namespace, self._name = owner["metadata"]["namespace"], owner["metadata"]["name"]

    async def build(
        self,
        desired: Desired,
        newest: RecordedRevision | None,
        before: RecordedRevision | None,
        number: int,
        epoch: int,
    ) -> RecordedRevision:
        """Build what is desired, and record it as `number`, unless the newest revision is just that.

        before: the revision that has served last. epoch: of the decision that will follow.

        Raises:
            Building, UserError.
        """
        operator, bundle = self._operator, desired.bundle
        self._require_imports(desired, before)
        server_digest = server.digest()
        key = operator.environments.key(desired.spec.environment, desired.lock, server_digest)
        self._status.values["environment"] = key
        environment = self._environment(desired, key)
        script, files = desired.spec.entry_script, bundle.files
        composed = await asyncio.to_thread(
            image.compose, operator.layout, environment, operator.store, bundle.models, script, files
        )
        reference = composed.reference(operator.delivery.repository(self._owner["metadata"]["uid"]))
        if newest and (newest.inputs, newest.image) == (desired.inputs, reference):
            return newest
        revision = Revision(environment.base, server_digest, desired.lock.digest, bundle.digest, bundle.settings)
        identity = decision.owner_of(self._owner)
        start = Start(
            number,
            reference,
            operator.delivery.pull_policy,
            epoch,
            revision.content,
            key,
            operator.signer.public_key,
            identity,
            bundle.secrets,
        )
        template = children.pod_template(self._name, desired.spec, bundle.variables, start, bundle.models)
        data = RevisionData(
            digests=revision,
            inputs=desired.inputs,
            environment=key,
            image=reference,
            cause=cause(desired, revision, before),
            template=template,
            models=tuple(f"{model.name}:{model.version}" for model in bundle.models),
            code=bundle.code,
            entryScript=script,
            facts=facts(desired).as_json(),
        )
        body = children.controller_revision(self._owner, number, data)
        body["metadata"]["annotations"] = history.signature(identity, body, operator.signer)
        made = await operator.cluster.create(REVISION, self._namespace, body)
        operator.queue.add_after(_NOTED_AFTER, SWEEP)  # which also notes for the store what is in use now
        return history.recorded(made)

    def _require_imports(self, desired: Desired, before: RecordedRevision | None) -> None:
        if before and (before.revision.lock, before.revision.bundle) == (desired.lock.digest, desired.bundle.digest):
            return  # it has served
        try:
            check.require(desired.missing)
        except UserError as error:
            self._status.stage("EnvironmentBuilt", False, error.reason, str(error))
            raise

    def _environment(self, desired: Desired, key: str) -> EnvironmentImage:
        environments, wanted = self._operator.environments, desired.spec.environment
        owner: Key = (self._namespace, self._name)
        environments.want(owner, key)
        if built := environments.find(key):
            self._status.stage("EnvironmentBuilt", True, reasons.BUILT, "the environment is installed")
            return built
        try:
            environments.start(key, wanted, desired.lock, lambda: self._operator.queue.add(owner))
        except UserError as error:
            self._status.stage("EnvironmentBuilt", False, error.reason, str(error))
            raise
        message = f"the environment is being installed on {wanted.base}"
        self._status.stage("EnvironmentBuilt", False, reasons.BUILDING, message)
        raise Building(message)


def cause(desired: Desired, revision: Revision, before: RecordedRevision | None) -> str:
    """Why there is this revision: what has changed since the one that served last, first of all by the user."""
    if before is None:
        return revision.changes_from(None, 0)
    changed = plan.cause(facts(desired), before.facts, revision.changes_from(before.revision, before.number))
    return f"{changed} ({'; '.join(desired.moved)})" if desired.moved else changed


def facts(desired: Desired) -> Facts:
    """What the planner compares."""
    bundle = desired.bundle
    plain = {variable.name: variable.value for variable in bundle.variables if variable.value_from is None}
    return plan.of_pods(
        desired.spec,
        lock=desired.lock.digest,
        code=bundle.code,
        files=bundle.files,
        models=bundle.models,
        variables=plain,
        secrets=bundle.secret_versions,
        gate=gate.digest(bundle.gate),
    )
