"""The deployments of an endpoint on this machine. Each is one of localmodel's, called ENDPOINT-DEPLOYMENT."""

from collections.abc import Iterator

from localmodel import Client, Deployment, reasons
from localmodel.azure.ai.ml import _load, _manifest
from localmodel.azure.ai.ml._records import EndpointRecords, Record
from localmodel.azure.ai.ml.entities import OnlineDeployment, OnlineEndpoint
from localmodel.azure.ai.ml.exceptions import (
    LocalEndpointNotFoundError,
    MultipleLocalDeploymentsFoundError,
    ValidationException,
)
from localmodel.environments.formats import files
from localmodel.errors import UserError
from localmodel.notebook.kernel import is_notebook
from localmodel.sdk.deployment import with_traceback
from localmodel.sdk.progress import reporter
from localmodel.target_table import default_name
from localmodel.targets.make import make

_STATES = {"running": "Succeeded", "deploying": "Updating"}


class LocalEndpoint:
    """An endpoint with its deployments, created or not.

    Raises:
        ValidationException: the name is not valid.
    """

    def __init__(self, name: str | None) -> None:
        self._records = EndpointRecords(name)
        self.name = self._records.name

    def create(self, endpoint: OnlineEndpoint) -> None:
        """Keep the endpoint, or replace its fields."""
        kind = "kubernetes" if hasattr(endpoint, "compute") else "managed"
        self._records.write(Record(kind, endpoint._document()))

    def exists(self) -> bool:
        """Whether it has been created, or has a deployment."""
        return self._records.read() is not None or any(True for _ in self._handles())

    def describe(self) -> OnlineEndpoint:
        """The endpoint as it is now. One that has only deployments is an endpoint, too.

        Raises:
            LocalEndpointNotFoundError: it has neither been created nor a deployment.
        """
        record, handles = self._records.read(), dict(self._handles())
        if record is None and not handles:
            raise LocalEndpointNotFoundError(
                f"endpoint {self.name} does not exist on this machine; "
                "online_endpoints.begin_create_or_update(endpoint, local=True) creates it"
            )
        endpoint = _load.endpoint(record.content, record.kind) if record else _load.endpoint({"name": self.name}, "")
        endpoint.location, endpoint.provisioning_state = "local", "Succeeded"
        if handles:
            chosen = handles.get(self._chosen(handles)) or next(iter(handles.values()))
            endpoint.provisioning_state = _state(chosen)
            if chosen.status.serving is not None:
                endpoint.scoring_uri, endpoint.openapi_uri = chosen.url, chosen.swagger_url
        return endpoint

    def choose(self, name: str | None) -> Deployment:
        """The deployment of this name; without a name the only one, or the one that has all the traffic.

        Raises:
            LocalEndpointNotFoundError: there is none.
            MultipleLocalDeploymentsFoundError: there are several.
        """
        if name is not None:
            return self.handle(name)
        self.describe()
        handles = dict(self._handles())
        if not handles:
            raise LocalEndpointNotFoundError(
                f"endpoint {self.name} has no deployment; "
                "online_deployments.begin_create_or_update(deployment, local=True) creates one"
            )
        chosen = self._chosen(handles)
        if not chosen:
            raise MultipleLocalDeploymentsFoundError(
                f"endpoint {self.name} has the deployments {', '.join(handles)}: name one with deployment_name, "
                "or give it all the traffic"
            )
        return handles[chosen]

    def handle(self, name: str) -> Deployment:
        """The deployment of this name.

        Raises:
            LocalEndpointNotFoundError: there is none.
        """
        record = self._records.read_deployment(name)
        handle = self._find(name, record.target) if record else None
        if handle is None:
            raise LocalEndpointNotFoundError(f"endpoint {self.name} has no deployment {name} on this machine")
        return handle

    def deployments(self) -> list[OnlineDeployment]:
        """Its deployments as they are now."""
        return [self.deployment(name) for name, _ in self._handles()]

    def deployment(self, name: str) -> OnlineDeployment:
        """A deployment as it is now.

        Raises:
            LocalEndpointNotFoundError: there is none.
        """
        state = _state(self.handle(name))
        record = self._records.read_deployment(name)
        deployment = _load.deployment(record.content if record else {"name": name}, record.kind if record else "")
        deployment.endpoint_name, deployment.provisioning_state = self.name, state
        return deployment

    def deploy(self, deployment: OnlineDeployment) -> None:
        """Make the deployment serve, and print how that goes.

        Raises:
            UserError: it does not serve, or is not valid.
        """
        before = self._records.read_deployment(deployment.name)
        own, target = self._own(deployment.name), make(before.target if before else None)
        if before is None and self._find(deployment.name, target.name):
            raise ValidationException(
                f"deployment {deployment.name}: {own} is the name of a deployment that was not made for this endpoint: "
                f"lmd delete {own} removes it, or choose another name"
            )
        wanted, progress = _manifest.of(deployment, own), reporter(None if is_notebook() else True)
        for note in wanted.notes:
            progress.note(note)
        record = Record(deployment.type.lower(), deployment._document(), target.name)
        self._records.write_deployment(deployment.name, record)
        try:
            with files.told_of(wanted.conda_file):
                target.apply(wanted.draft, None, progress)
        except UserError as error:
            if before is None and self._find(deployment.name, target.name) is None:
                self._records.remove_deployment(deployment.name)
            raise with_traceback(error, target, own) from None

    def delete(self) -> None:
        """Delete the endpoint and its deployments.

        Raises:
            LocalEndpointNotFoundError: it does not exist.
        """
        self.describe()
        for name in self._records.deployments():
            self._delete(name)
        self._records.remove()

    def delete_deployment(self, name: str) -> None:
        """Delete a deployment.

        Raises:
            LocalEndpointNotFoundError: it does not exist.
        """
        self.handle(name)
        self._delete(name)

    def _delete(self, name: str) -> None:
        record = self._records.read_deployment(name)
        if record and (handle := self._find(name, record.target)):
            handle.delete(missing_ok=True)
        self._records.remove_deployment(name)

    def _handles(self) -> Iterator[tuple[str, Deployment]]:
        """The deployments that are there, by name."""
        for name in self._records.deployments():
            record = self._records.read_deployment(name)
            if record and (handle := self._find(name, record.target)):
                yield name, handle

    def _chosen(self, handles: dict[str, Deployment]) -> str:
        """The name of the deployment that answers where none is named, or ""."""
        record = self._records.read()
        traffic = record.content.get("traffic", {}) if record else {}
        busy = [name for name, share in traffic.items() if share]
        names = busy if len(busy) == 1 and busy[0].lower() in handles else list(handles)
        return names[0].lower() if len(names) == 1 else ""

    def _find(self, name: str, target: str) -> Deployment | None:
        try:
            return Client(target or default_name()).get(self._own(name))
        except UserError as error:
            if error.reason == reasons.DEPLOYMENT_NOT_FOUND:
                return None
            raise

    def _own(self, name: str) -> str:
        """The name that localmodel has for the deployment."""
        return f"{self.name}-{name.lower()}"


def _state(deployment: Deployment) -> str:
    return _STATES.get(deployment.state, "Failed")
