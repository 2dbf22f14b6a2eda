"""A deployment in the hands of a Python program: ask it, look at it, change it."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from types import MappingProxyType
from typing import Any, Literal

from localmodel import reasons
from localmodel.disk import home
from localmodel.disk.home_errors import telling
from localmodel.errors import UserError
from localmodel.notebook.table_list import TableList
from localmodel.output.progress import Progress
from localmodel.project import arguments, drafting, given
from localmodel.project.drafting import Parts
from localmodel.project.server_options import ServerOptions
from localmodel.reasons import Reason
from localmodel.resource import annotations
from localmodel.resource.manifest import Manifests
from localmodel.sdk import argument_words, deployment_table, scoring, tracebacks
from localmodel.sdk.connections import Connections
from localmodel.sdk.progress import reporter
from localmodel.sdk.scoring import Body, ScoringError
from localmodel.sdk.scoring_input import ScoringInput
from localmodel.store import Store
from localmodel.targets.captured_request import CapturedRequest
from localmodel.targets.http import Answer
from localmodel.targets.target import DeploymentStatus, Draft, ManifestSource, PastRevision, Target

DeploymentState = Literal["running", "deploying", "failed", "stopped", "deleted"]

# The script was run, and did not come up.
_RAISED = (reasons.REVISION_FAILED, reasons.INIT_FAILED, reasons.GATE_FAILED)
# Nothing was deployed: the request names what does not exist, or has a value that no deployment can have.
_NOT_VALID = (
    reasons.INVALID_MANIFEST,
    reasons.DEPLOYMENT_NOT_FOUND,
    reasons.REVISION_NOT_FOUND,
    reasons.MODEL_NOT_FOUND,
    reasons.ENVIRONMENT_NOT_FOUND,
    reasons.VERSION_NOT_FOUND,
    reasons.CLUSTER_DECIDES,
)
_LINES_SEARCHED = 5000
_SECONDS_TO_SEARCH = 5.0
_POLL_SECONDS = 0.2


class DeployError(UserError):
    """The requested revision does not serve; the revision before it, if any, keeps serving.

    The text names the script's file and line, or what else went wrong. A request that is not valid (a wrong field, an
    unknown revision) is a plain UserError.

    Attributes:
        reason: as in UserError.
        traceback: the script's traceback; "" if the script did not run.
    """

    def __init__(self, reason: Reason, message: str, traceback: str = "") -> None:
        super().__init__(reason, f"{message}\n\n{traceback}".rstrip())
        self.traceback = traceback
        self._given = (reason, message, traceback)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._given


@telling
class Deployment:
    """A deployment, returned by Client.deploy(), get() and list(). Threads may share it.

    Every call asks the target; only the scoring address is remembered. After the deployment is deleted, `state` is
    `deleted`, and every other method raises UserError with the reason DeploymentNotFound; only
    `delete(missing_ok=True)` does not.
    """

    def __init__(self, name: str, target: Target, connections: Connections) -> None:
        self.name = name
        self._target = target
        self._connections = connections
        self._input = ScoringInput()
        self._url = ""

    def __repr__(self) -> str:
        return f"Deployment({self.name!r}, target={self._target.name!r})"

    def _repr_html_(self) -> str:
        return deployment_table.one(self._target, self.name)

    def score(
        self,
        data: object,
        *,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Send one request and return what run() returned: parsed JSON, or bytes if the answer is not JSON.

        A request is never sent twice.

        Args:
            data: a dict, list, number or None is sent as JSON; a str as it is if it is JSON, else as a JSON string;
                bytes as they are. An array or DataFrame is sent as the parameter that the script's schema declares
                for it, or as `{"data": [...]}`.
            content_type: the header `content-type`, in place of the one that fits the data.
            headers: other headers of the request.
            timeout: seconds; None: as long as the deployment allows (`scoring_timeout_seconds` of ServerOptions).

        Raises:
            ScoringError: the deployment answered with an error.
            UserError: NotServing, Unreachable, TimedOut, InputAmbiguous, AnswerInvalid, ArgumentInvalid.
            TypeError, ValueError: the data cannot be written as JSON.
        """
        arguments.check(timeout=timeout)
        return self._result(self._answer(data, content_type, headers, timeout))

    def _answer(
        self,
        data: object,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """What score() gets, whatever its status. Raises as score(), but no ScoringError."""
        url, body = self._request(data)
        try:
            return self._connections.post(url, body.content, scoring.headers(body, content_type, headers), timeout)
        except UserError:
            self._forget()
            raise

    def _forget(self) -> None:
        """Ask again before the next request: the deployment may have moved, or takes something else."""
        self._url = ""
        self._input.forget()

    def _request(self, data: object) -> tuple[str, Body]:
        """Address and body; asks the target and the service only for what is not known yet."""
        url = self._url = self._url or self._target.reach(self._serving())
        place = self._input.place(data, url) if scoring.needs_place(data) else scoring.UNDECORATED
        return url, scoring.encode(data, place)

    def _result(self, answer: Answer) -> Any:
        """What score() makes of an answer. Raises as score()."""
        self._input.forget_unless(answer.headers.get("x-localmodel-revision", ""))
        if answer.status < 400:
            return scoring.decode(answer.headers.get("content-type", ""), answer.body)
        request_id = answer.headers.get("x-request-id", "")
        raise ScoringError(answer.status, answer.body, request_id, self._traceback(answer))

    def _traceback(self, answer: Answer) -> str:
        """What run() raised, if that is why the deployment answered so and its log has it; otherwise ""."""
        if answer.headers.get("x-ms-run-function-failed") != "True":
            return ""
        return tracebacks.of_request(self._log_in_time(), answer.headers.get("x-request-id", ""))

    @property
    def status(self) -> DeploymentStatus:
        """The status now."""
        return self._target.get(self.name)

    @property
    def state(self) -> DeploymentState:
        """The status in one word.

        `running`: the revision that was applied last answers. `deploying`: it is being made. `failed`: it does not
        answer and will not without a change (`message` says why); an older revision may serve. `stopped`: stop() has
        ended it. `deleted`: there is no deployment of this name.
        """
        try:
            return self.status.state
        except UserError as error:
            if error.reason == reasons.DEPLOYMENT_NOT_FOUND:
                return "deleted"
            raise

    @property
    def message(self) -> str:
        """What is wrong; "" if nothing is."""
        return self.status.message

    @property
    def url(self) -> str:
        """The address for POST requests, such as `http://localhost:6789/score`.

        Raises:
            UserError: NotServing.
        """
        return self._serving().url

    def _serving(self) -> DeploymentStatus:
        """The status of a deployment that answers. Raises as `url`."""
        now = self.status
        if now.serving is None:
            raise UserError(reasons.NOT_SERVING, f"{self.name} is not serving: {now.why}")
        return now

    @property
    def swagger_url(self) -> str:
        """The address of the document that describes input and output.

        Raises:
            UserError: NotServing.
        """
        return self.url.removesuffix("/score") + "/swagger.json"

    @property
    def manifest(self) -> Mapping[str, Any]:
        """The LocalModelDeployment that was applied last, with all its fields."""
        return self._target.manifests(self.name).deployment

    def logs(self, lines: int | None = 5000) -> str:
        """The last lines that the build, the server and the script have written. `lines=None` returns all of them."""
        return "".join(self._target.logs(self.name, False, lines))

    def follow(self, lines: int | None = 100) -> Iterator[str]:
        """Yield the last lines of the log, then what is added to it, until the deployment is deleted."""
        return self._target.logs(self.name, True, lines)

    def captured(self, last: int = 500) -> list[CapturedRequest]:
        """The last requests that it has captured, oldest first, if its manifest has `spec.capture`."""
        arguments.check(last=last)
        return TableList(self._target.captured(self.name, last))

    def wait(self, timeout: float = 300.0) -> None:
        """Wait until the deployment is running, for changes by others: deploy(), update() and reload() wait themselves.

        Raises:
            DeployError: it failed, or is not running after `timeout` seconds (ProgressDeadlineExceeded).
        """
        arguments.check(timeout=timeout)
        end = monotonic() + timeout
        while not (now := self.status).ready:
            if now.stopped:
                raise DeployError(reasons.NOT_SERVING, now.message)
            if now.stalled:
                raise DeployError(reasons.REVISION_FAILED, now.message, self._load_traceback())
            if monotonic() > end:
                message = f"{self.name} is not running after {timeout:g} s: {now.message}"
                raise DeployError(reasons.PROGRESS_DEADLINE_EXCEEDED, message)
            sleep(_POLL_SECONDS)

    def update(
        self,
        *,
        script: str | Path | None = None,
        source_directory: str | Path | None = None,
        models: given.Model | Iterable[given.Model] | None = None,
        environment: given.Environment | None = None,
        variables: Mapping[str, str] | None = None,
        port: int | None = None,
        server: ServerOptions | None = None,
        replicas: int | None = None,
        timeout: float | None = None,
        progress: bool | Progress | None = None,
    ) -> None:
        """Change the deployment. The arguments are those of Client.deploy(); what is not named stays as requested last.

        That is the manifest, and not always what serves: after an `update(script="bad.py")` that failed, a later
        `update(variables=...)` asks for `bad.py` again, unless it names another script.

        `models`, `variables` and `server` each replace all of the values before. `source_directory` without a script
        reads the same entry script from another folder.

        Raises:
            DeployError: the change does not serve; the revision before it keeps serving.
            UserError: a named thing does not exist or is not valid.
        """
        if script is not None:
            arguments.check(script=script)
        arguments.check(source_directory=source_directory, environment=environment, variables=variables)
        arguments.check(server=server, timeout=timeout, progress=progress)
        wanted = None if models is None else given.as_list(models)
        store, progress = Store(home.store()), reporter(progress)
        manifests = self._target.manifests(self.name)
        code = None
        if script is not None or source_directory is not None:
            entry = script if script is not None else self._entry(manifests)
            code = drafting.code(entry, source_directory, self._model_sources(manifests, wanted), progress)
        parts = Parts(
            code=code,
            models=wanted,
            environment=None if environment is None else given.environment(environment, store, progress),
            environment_file=given.environment_file(environment),
            variables=variables,
            port=port,
            server=server,
            replicas=replicas,
        )
        file = _environment_file(manifests) if environment is None else given.file_of(environment)
        values = {"script": script, "models": models, "environment": environment, "variables": variables, "port": port}
        values |= {"server": server, "replicas": replicas}
        self._apply(drafting.draft(manifests, parts, progress), timeout, progress, file, values)

    def reload(self, *, timeout: float | None = None, progress: bool | Progress | None = None) -> None:
        """Read the source, and models that were given as paths, from the same places again, and serve them.

        The manifest names the places (annotations `localmodel.dev/source` and `localmodel.dev/model-sources`), so that
        this works for deployments of other programs too. A model whose path is gone stays as it is.

        Raises:
            UserError: SourceUnknown (the deployment was applied as a manifest), SourceMissing, SourceTooLarge.
            DeployError: the change does not serve; the revision before it keeps serving.
        """
        arguments.check(timeout=timeout, progress=progress)
        progress = reporter(progress)
        draft, file = self._again(progress)
        self._apply(draft, timeout, progress, file)

    def _again(self, progress: Progress) -> tuple[Draft, Path | None]:
        """What reload() serves, and the file that its environment was read from. Raises as reload()."""
        manifests = self._target.manifests(self.name)
        applied = manifests.deployment
        place = Path(annotations.annotation(applied, annotations.SOURCE))
        sources = self._model_sources(manifests)
        if not place.name and not sources:
            raise UserError(
                reasons.SOURCE_UNKNOWN,
                f"{self.name} was applied as a manifest; run lmd apply with that manifest again",
            )
        for path in sources.values():
            if not given.is_there(path):
                progress.note(f"{path}: the model's path no longer exists; its version stays")
        code = None
        if "scoring" in applied["spec"] and place.name:
            code = drafting.code_at(place, self._entry(manifests), sources, progress)
        parts = Parts(code=code, models=given.again(applied), model_sources=sources)
        return drafting.draft(manifests, parts, progress), _environment_file(manifests)

    def _entry(self, manifests: Manifests) -> str:
        """The path of its entry script."""
        scoring = manifests.deployment["spec"].get("scoring")
        if scoring is None:
            raise UserError(
                reasons.ARGUMENT_INVALID, f"script: name one: {self.name} is a model that is served without a script"
            )
        return str(scoring["entryScript"])

    def _model_sources(self, manifests: Manifests, wanted: Sequence[given.Model] | None = None) -> Mapping[str, Path]:
        """Where models are read from that are given as paths: those that are wanted, or else those that it has."""
        return annotations.model_sources(manifests.deployment) if wanted is None else given.paths(wanted, self.name)

    def history(self) -> list[PastRevision]:
        """The revisions that are kept, newest first."""
        return TableList(self._target.history(self.name))

    def rollback(
        self, to: int | None = None, *, timeout: float | None = None, progress: bool | Progress | None = None
    ) -> None:
        """Serve revision `to` again, or the one that served before, until something else is deployed.

        Raises:
            DeployError: it does not serve; the revision before it keeps serving.
            UserError: RevisionNotFound, DeploymentNotFound.
        """
        arguments.check(timeout=timeout, progress=progress)
        with self._deploying():
            self._target.rollback(self.name, to, timeout, reporter(progress))

    def promote(self, *, timeout: float | None = None, progress: bool | Progress | None = None) -> None:
        """Have the revision serve that `spec.update.canary` or `shadow` tries on clients' requests. Only for `kind`.

        Raises:
            DeployError: it does not serve; the revision before it keeps serving.
            UserError: NotTried, DeploymentNotFound, ArgumentInvalid.
        """
        arguments.check(timeout=timeout, progress=progress)
        with self._deploying():
            self._target.promote(self.name, timeout, reporter(progress))

    def abort(self, *, timeout: float | None = None, progress: bool | Progress | None = None) -> None:
        """Give the revision up that is tried on clients' requests; the one that serves goes on. Only for `kind`.

        Raises:
            UserError: NotTried, DeploymentNotFound, ArgumentInvalid.
        """
        arguments.check(timeout=timeout, progress=progress)
        with self._deploying():
            self._target.abort(self.name, timeout, reporter(progress))

    def start(self, *, timeout: float | None = None, progress: bool | Progress | None = None) -> None:
        """Serve the revision that served last, unless one serves already.

        What was deployed since and failed stays pending: `state` is still `failed`. Only for `process` and `docker`.

        Raises:
            DeployError: it does not serve.
            UserError: RevisionNotFound (no revision has ever served), DeploymentNotFound, ClusterDecides.
        """
        arguments.check(timeout=timeout, progress=progress)
        with self._deploying():
            self._target.start(self.name, timeout, reporter(progress))

    def stop(self, *, progress: bool | Progress | None = None) -> None:
        """End the server; start(), or the next change, starts one again. Everything is kept.

        Raises:
            UserError: DeploymentNotFound, ClusterDecides.
        """
        arguments.check(progress=progress)
        self._forget()
        self._target.stop(self.name, reporter(progress))

    def restart(self, *, timeout: float | None = None, progress: bool | Progress | None = None) -> None:
        """Replace the server by a new one with the same revision and port, or start one if none runs.

        Raises:
            DeployError: the new server does not serve; the old one is back.
            UserError: RevisionNotFound, DeploymentNotFound, ClusterDecides.
        """
        arguments.check(timeout=timeout, progress=progress)
        with self._deploying():
            self._target.restart(self.name, timeout, reporter(progress))

    def delete(self, *, missing_ok: bool = False) -> None:
        """Stop the deployment and remove it. Models, environments and code stay in the store.

        Raises:
            UserError: DeploymentNotFound, unless `missing_ok`.
        """
        self._forget()
        try:
            self._target.delete(self.name)
        except UserError as error:
            if not missing_ok or error.reason != reasons.DEPLOYMENT_NOT_FOUND:
                raise

    def _apply(
        self,
        wanted: ManifestSource,
        timeout: float | None,
        progress: Progress,
        requirements: Path | None = None,
        values: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        """Apply a manifest of this deployment. Its environment is that of a file, other parts are those of arguments.

        Raises DeployError.
        """
        from localmodel.environments.formats import files  # which reads the schema

        with self._deploying(), argument_words.told_of(values), files.told_of(requirements):
            self._target.apply(wanted, timeout, progress)

    @contextlib.contextmanager
    def _deploying(self) -> Iterator[None]:
        """What fails inside is a DeployError, unless the request was not valid. Forget what served before."""
        try:
            yield
        except UserError as error:
            if error.reason in _NOT_VALID:
                raise
            raise self._deploy_error(error) from None
        finally:
            self._forget()  # what a thread has learned meanwhile

    def _deploy_error(self, error: UserError) -> DeployError:
        traceback = self._load_traceback() if error.reason in _RAISED else ""
        return DeployError(error.reason, str(error), traceback)

    def _load_traceback(self) -> str:
        return tracebacks.of_load(self._log_in_time())

    def _log_in_time(self) -> str:
        """The end of the log, or nothing: it only adds to an error, which it must neither hide nor delay for long."""
        entries: list[str] = []

        def read() -> None:
            with contextlib.suppress(UserError, OSError):
                entries.append(self.logs(_LINES_SEARCHED))

        reading = Thread(target=read, daemon=True)
        reading.start()
        reading.join(_SECONDS_TO_SEARCH)
        return "".join(entries)


def with_traceback(error: UserError, target: Target, name: str) -> UserError:
    """The error of an apply with the script's traceback, if that is why."""
    return Deployment(name, target, Connections())._deploy_error(error) if error.reason in _RAISED else error


def _environment_file(applied: Manifests) -> Path | None:
    """The file that the environment was read from, if it is still there."""
    file = Path(annotations.annotation(applied.deployment, annotations.ENVIRONMENT_SOURCE))
    return file if file.is_file() else None
