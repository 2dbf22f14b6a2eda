"""A deployment on this machine, as a script's object."""

from __future__ import annotations

import builtins
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from localmodel import Client, Deployment, ScoringError, UserError, reasons
from localmodel.azure import _background
from localmodel.azure.core import _deploy
from localmodel.azure.core.webservice.webservice import Webservice
from localmodel.azure.exceptions import UserErrorException, WebserviceException, refuse, translated
from localmodel.output.printable import printable
from localmodel.targets.make import make

if TYPE_CHECKING:
    from localmodel.azure.core.inference_config import InferenceConfig
    from localmodel.azure.core.model import Model
    from localmodel.azure.core.workspace import Workspace

_TAIL = 100
_PATIENCE = 300.0  # seconds, for a deployment that another program has changed


@dataclass(frozen=True)
class LocalWebserviceDeploymentConfiguration:
    """The port (None means 6789, or the next free one) and the target's name."""

    port: int | None
    target: str


class LocalWebservice(Webservice):
    """A deployment on this machine; `LocalWebservice(workspace, name)` finds an existing one.

    Raises:
        WebserviceException: there is none of this name, unless `must_exist` is False.
    """

    STATE_DEPLOYING = "deploying"
    STATE_RUNNING = "running"
    STATE_FAILED = "failed"
    STATE_DELETED = "deleted"
    STATE_UNKNOWN = "unknown"  # only for comparisons in scripts: the state is always known here

    def __init__(self, workspace: Workspace, name: str, must_exist: bool = True) -> None:
        self.workspace = workspace
        self.name = name
        self._work = _background.Work(name)
        self._clients: dict[str, Client] = {}
        self._own = False  # whether this object began the last work, and has to report its failure
        self._untold = False  # whether the result of that work was not reported yet
        if must_exist and not self._work.is_going_on() and self._find() is None and self._failure() is None:
            raise WebserviceException(
                f"there is no deployment {name} on target {self._work.target()}; "
                "see LocalWebservice.list(workspace, all=True), or Model.deploy() it"
            )

    @staticmethod
    def deploy_configuration(
        port: int | None = None, target: str | None = None
    ) -> LocalWebserviceDeploymentConfiguration:
        """The port and the target. `target` is not Azure ML's; the default is LOCALMODEL_TARGET, or "process".

        Raises:
            UserErrorException: the port is not from 1 to 65535, or the target is unknown.
        """
        if port is not None and (isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536):
            raise UserErrorException(f"LocalWebservice.deploy_configuration: port {port!r}: a number from 1 to 65535")
        with translated(UserErrorException):
            return LocalWebserviceDeploymentConfiguration(port, make(target).name)

    @classmethod
    def _begin(cls, workspace: Workspace, name: str, target: str, arguments: Mapping[str, Any]) -> LocalWebservice:
        if not re.fullmatch("[a-z]([-a-z0-9]{0,46}[a-z0-9])?", name):
            raise UserErrorException(
                f"Model.deploy: {name!r} is not a valid deployment name: "
                "use lower-case letters, digits and '-', at most 48, "
                "starting with a letter and ending with a letter or digit"
            )
        service = cls(workspace, name, must_exist=False)
        service._do("deploy", arguments, target)
        return service

    def _do(self, method: str, arguments: Mapping[str, Any], target: str | None = None) -> None:
        """Begin the work after the current one; a reload replaces a running reload, which has an older script."""
        if method == "reload" and self._work.method() == "reload":
            self._work.stop()
        self._work.wait()
        if method != "deploy" and (failure := self._failure()) and self._find() is None:
            raise WebserviceException(failure.error, traceback=failure.traceback or None, logs=self._tail())
        self._work.begin(target or self._work.target(), method, arguments)
        self._own = self._untold = True

    @property
    def state(self) -> str:
        """The current state: deploying, running, failed or deleted.

        failed means that the last work does not serve. An earlier revision may still serve, which the message of
        `wait_for_deployment()` says.
        """
        if self._work.is_going_on():
            return self.STATE_DEPLOYING
        if self._own and self._failure():
            return self.STATE_FAILED
        deployment = self._find()
        if deployment is None:
            return self.STATE_FAILED if self._failure() else self.STATE_DELETED
        return self.STATE_FAILED if deployment.state == "stopped" else deployment.state

    @property
    def scoring_uri(self) -> str | None:
        """The address for POST requests, or None until something answers there."""
        deployment = self._find()
        return deployment.url if deployment and deployment.status.serving is not None else None

    @property
    def swagger_uri(self) -> str | None:
        """The address of the script's description, or None until something answers there."""
        deployment = self._find()
        return deployment.swagger_url if deployment and deployment.status.serving is not None else None

    @property
    def port(self) -> str | None:
        """The port as text."""
        uri = self.scoring_uri
        return str(urlsplit(uri).port) if uri else None

    def wait_for_deployment(self, show_output: bool = False, timeout_sec: float | None = None) -> None:
        """Wait until the last work serves; with `show_output`, print its progress.

        Raises:
            WebserviceException: it failed (with traceback and logs), or `timeout_sec` have passed; then it goes on.
        """
        until = None if timeout_sec is None else time.monotonic() + timeout_sec
        for text in self._work.follow(until):
            if show_output:
                print(printable(text), end="", flush=True)
        going_on = self._work.is_going_on()
        self._untold = self._untold and going_on
        if going_on:
            raise WebserviceException(
                f"{self.name} is not deployed after {timeout_sec:g} s. It goes on: wait again, or look at get_logs()",
                logs=self._tail(),
            )
        failure, deployment = self._failure(), self._find()
        if failure and (self._own or deployment is None):
            raise WebserviceException(failure.error, traceback=failure.traceback or None, logs=self._tail())
        if deployment is None:
            raise WebserviceException(f"{self.name} is deleted")
        with translated():
            deployment.wait(_PATIENCE if until is None else max(until - time.monotonic(), 0.0))
        if show_output:
            print(f"{self.name}: {self.state} at {self.scoring_uri}")

    def update_deployment_state(self, must_exist: bool = False) -> None:
        """Do nothing, because `state` is always current."""

    def run(self, input_data: Any) -> Any:
        """POST the data once, and return the parsed answer.

        A str is sent as it is; a dict, list, array or table as JSON. Waits for the work that this object has begun, and
        for the first revision.

        Raises:
            WebserviceException: with status_code, body, the script's traceback, and logs; or, once, because the work
                that this object has begun does not serve.
        """
        if self._untold or (self._work.is_going_on() and self.scoring_uri is None):
            self.wait_for_deployment()
        deployment = self._find()
        if deployment is None:
            failure = self._failure()
            why = f"does not serve: {failure.error}" if failure else "is deleted"
            raise WebserviceException(f"{self.name} {why}")
        try:
            if isinstance(input_data, str):
                return deployment.score(input_data.encode(), content_type="application/json")
            return deployment.score(input_data)
        except ScoringError as error:
            raise WebserviceException(
                str(error),
                error.status,
                body=error.body.decode(errors="replace"),
                traceback=error.traceback or None,
                logs=self._tail(),
            ) from error
        except UserError as error:
            raise WebserviceException(str(error), logs=self._tail()) from error

    def get_logs(self, num_lines: int = 5000, raw: bool = False, init: bool = False) -> str:
        """The last lines of its log, or of the work's output while there is no log."""
        refuse("LocalWebservice.get_logs", init=(init, "Leave it out: there are no init containers here."))
        deployment = self._find()
        with translated():
            log = deployment.logs(num_lines) if deployment else ""
        return log or "".join(self._work.output().splitlines(keepends=True)[-num_lines:])

    def update(
        self,
        models: Sequence[Model] | None = None,
        image_config: object = None,
        deployment_config: LocalWebserviceDeploymentConfiguration | None = None,
        wait: bool = False,
        inference_config: InferenceConfig | None = None,
    ) -> None:
        """Deploy again with the given arguments, after the current work; None keeps the old value.

        The old revision serves until the new one does.
        """
        refuse("LocalWebservice.update", image_config=(image_config, "Give inference_config, with its environment."))
        if deployment_config and deployment_config.target != self._work.target():
            raise UserErrorException(
                f"LocalWebservice.update: {self.name} runs on target {self._work.target()} and stays there; to move it "
                f"to {deployment_config.target}, delete() it and Model.deploy() again"
            )
        arguments = _deploy.call(self.workspace, models, inference_config, deployment_config)
        self._do("update", arguments)
        if wait:
            self.wait_for_deployment()

    def reload(self, wait: bool = False) -> None:
        """Deploy again with the current script or source folder, after the current work."""
        self._do("reload", {})
        if wait:
            self.wait_for_deployment()

    def delete(self, delete_cache: bool = True, delete_image: bool = False, delete_volume: bool = True) -> None:
        """Stop and delete it, even while it is being deployed; only what others share stays."""
        refuse("LocalWebservice.delete", delete_image=(delete_image, "Leave it out: images are shared by content."))
        self._work.stop()
        self._untold = False
        with translated():
            if deployment := self._find():
                deployment.delete(missing_ok=True)
        self._work.forget()

    @staticmethod
    def list(  # type: ignore[override] # other arguments than the base class's: so it is in Azure ML
        workspace: Workspace,
        model_name: str | None = None,
        model_id: str | None = None,
        all: bool | None = None,  # noqa: A002 - as in the original
    ) -> builtins.list[LocalWebservice]:
        """The running deployments, with `all` also the others; with a model, those that use it."""
        with translated():
            names_here = {handle.name for handle in Client().list()}
        names = sorted(names_here | set(_background.names()))
        services = [LocalWebservice(workspace, name, must_exist=False) for name in names]
        running, deleted = LocalWebservice.STATE_RUNNING, LocalWebservice.STATE_DELETED
        return [
            service
            for service in services
            if (service.state != deleted if all else service.state == running) and service._uses(model_name, model_id)
        ]

    def serialize(self) -> dict[str, Any]:
        """Its fields as values for JSON."""
        failure = self._failure()
        return {
            "name": self.name,
            "computeType": "LOCAL",
            "target": self._work.target(),
            "state": self.state,
            "scoringUri": self.scoring_uri,
            "swaggerUri": self.swagger_uri,
            "port": self.port,
            "error": failure.error if failure else None,
        }

    def _find(self) -> Deployment | None:
        """The deployment at its target, or None if the target has none of this name."""
        try:
            deployment = self._client().get(self.name)
            return None if deployment.state == "deleted" else deployment
        except UserError as error:
            if error.reason == reasons.DEPLOYMENT_NOT_FOUND:
                return None
            raise WebserviceException(str(error)) from error

    def _uses(self, model_name: str | None, model_id: str | None) -> bool:
        if model_name is None and model_id is None:
            return True
        deployment = self._find()
        models = deployment.manifest["spec"]["models"] if deployment else []
        return any(
            model_name in (None, m["name"]) and model_id in (None, f"{m['name']}:{m.get('version')}") for m in models
        )

    def _client(self) -> Client:
        """The client of the target, which is kept, so that connections last from request to request."""
        target = self._work.target()
        if target not in self._clients:
            self._clients[target] = Client(target)
        return self._clients[target]

    def _failure(self) -> _background.Outcome | None:
        outcome = self._work.outcome()
        return outcome if outcome and outcome.error else None

    def _tail(self) -> str:
        try:
            return self.get_logs(_TAIL)
        except WebserviceException as error:
            return f"the log cannot be read: {error}"

    def __repr__(self) -> str:
        return f"LocalWebservice(name={self.name!r}, state={self.state!r}, scoring_uri={self.scoring_uri!r})"
