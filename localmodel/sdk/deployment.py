"""A deployment in the hands of a Python program: ask it, look at it, change it."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any, Literal

from localmodel.disk import home
from localmodel.disk.home_errors import telling
from localmodel.errors import UserError
from localmodel.progress import Progress
from localmodel.resource import annotations
from localmodel.sdk import definition, given, scoring, source, tracebacks
from localmodel.sdk.connections import Connections
from localmodel.sdk.progress import reporter
from localmodel.sdk.scoring import Body, ScoringError
from localmodel.sdk.scoring_input import ScoringInput
from localmodel.sdk.server_options import ServerOptions
from localmodel.store import CodeVersion, Store
from localmodel.targets.http import Answer
from localmodel.targets.target import DeploymentStatus, ManifestSource, PastRevision, Target

DeploymentState = Literal["running", "deploying", "failed", "deleted"]

# The script was run, and did not come up.
_RAISED = ("RevisionFailed", "InitFailed", "GateFailed")
_LINES_SEARCHED = 5000
_SECONDS_TO_SEARCH = 5.0
_POLL_SECONDS = 0.2


class DeployError(UserError):
    """What was asked for does not serve; what served before goes on serving.

    `reason` and text as in UserError: the script's file and line, or the field that is wrong. `traceback` is that of
    the script, "" where it did not run.
    """

    def __init__(self, reason: str, message: str, traceback: str = "") -> None:
        super().__init__(reason, f"{message}\n\n{traceback}".rstrip())
        self.traceback = traceback
        self._given = (reason, message, traceback)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._given


@telling
class Deployment:
    """One deployment of a target, by name. Made by Client.deploy(), get() and list(); may be shared by threads.

    What it tells is asked of the target each time; only the scoring address is remembered. Every method raises
    UserError, with the reason DeploymentNotFound where there is none of the name any more.
    """

    def __init__(self, name: str, target: Target, connections: Connections) -> None:
        self.name = name
        self._target = target
        self._connections = connections
        self._input = ScoringInput()
        self._url = ""

    def __repr__(self) -> str:
        return f"Deployment({self.name!r}, target={self._target.name!r})"

    def score(
        self,
        data: object,
        *,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Send one request and give back what run() returned: parsed JSON, or bytes where it is something else.

        dict, list, number and None go as JSON, a text as it is when it is JSON, bytes as they are; an array or a
        DataFrame goes to the parameter that the script's schema has for it, or as `{"data": [...]}`. With bytes and a
        `content_type` the body is wholly yours. `timeout` in seconds; None leaves it to the deployment's own limit
        (`scoring_timeout_seconds` of ServerOptions, 60 by default). Nothing is sent a second time.

        Raises:
            ScoringError: the deployment answered with an error.
            UserError: NotServing, Unreachable, TimedOut, InputAmbiguous, AnswerInvalid.
            TypeError, ValueError: there is no JSON for the data.
        """
        url, body = self._request(data)
        try:
            answer = self._connections.post(url, body.content, scoring.headers(body, content_type, headers), timeout)
        except UserError:
            self._forget()
            raise
        return self._result(answer)

    def _forget(self) -> None:
        """Ask again before the next request: the deployment may have moved, or takes something else."""
        self._url = ""
        self._input.forget()

    def _request(self, data: object) -> tuple[str, Body]:
        """Address and body; asks the target and the service only for what is not known yet."""
        url = self._url = self._url or self.url
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
        """What the target says of it now: ready, the serving revision's number, url, message."""
        return self._target.get(self.name)

    @property
    def state(self) -> DeploymentState:
        """`running`: what was last asked for answers. `failed`: it does not, and will not by itself (`message` says
        why; an older revision may serve). `deploying`: work is under way. `deleted`: there is none of the name."""
        try:
            now = self.status
        except UserError as error:
            if error.reason == "DeploymentNotFound":
                return "deleted"
            raise
        if now.ready:
            return "running"
        return "failed" if now.stalled else "deploying"

    @property
    def message(self) -> str:
        """What is wrong; "" when nothing is."""
        return self.status.message

    @property
    def url(self) -> str:
        """Where requests are POSTed: `http://localhost:6789/score`.

        Raises:
            UserError: NotServing.
        """
        now = self.status
        if now.serving is None:
            raise UserError("NotServing", f"{self.name} is not serving: {now.message}")
        return now.url

    @property
    def swagger_url(self) -> str:
        """Where the document is that describes input and output. Raises as url."""
        return self.url.removesuffix("/score") + "/swagger.json"

    @property
    def manifest(self) -> Mapping[str, Any]:
        """The LocalModelDeployment that was last applied, with all its fields."""
        return self._target.manifests(self.name).deployment

    def logs(self, lines: int | None = 5000) -> str:
        """The last lines of what the build, the server and the script have written; None: all of it."""
        return "".join(self._target.logs(self.name, False, lines))

    def follow(self, lines: int | None = 100) -> Iterator[str]:
        """Pieces of the log: its last lines, and then what is added, until the deployment is deleted."""
        return self._target.logs(self.name, True, lines)

    def wait(self, timeout: float = 300.0) -> None:
        """Wait until the deployment is running; deploy(), update() and reload() have done so already.

        Raises:
            DeployError: it has failed, or is not running after `timeout` seconds (ProgressDeadlineExceeded).
        """
        end = monotonic() + timeout
        while not (now := self.status).ready:
            if now.stalled:
                raise DeployError("RevisionFailed", now.message, self._load_traceback())
            if monotonic() > end:
                message = f"{self.name} is not running after {timeout:g} s: {now.message}"
                raise DeployError("ProgressDeadlineExceeded", message)
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
        progress: bool | Progress = False,
    ) -> None:
        """Serve something else at the same address; what is not named stays. Arguments as in Client.deploy().

        `variables`, `server` and `models` each take the place of all that were there before.
        `source_directory` alone reads the same entry script from another folder.

        Raises:
            DeployError: the change does not serve; what served goes on serving.
            UserError: something that is named does not exist.
        """
        store, progress = Store(home.store()), reporter(progress)
        manifests = self._target.manifests(self.name)
        code = place = None
        wanted = None if models is None else given.each(models)
        model_sources = annotations.model_sources(manifests.deployment) if wanted is None else given.paths(wanted)
        if script is not None or source_directory is not None:
            entry = script if script is not None else manifests.deployment["spec"]["scoring"]["entryScript"]
            place, entry = source.locate(entry, source_directory)
            code = self._code(place, entry, model_sources, store, progress)
        changed = definition.changed(
            manifests.deployment,
            code=code,
            models=None if wanted is None else given.models(wanted, store),
            environment=None if environment is None else given.environment(environment, self.name, store, progress),
            variables=variables,
            port=port,
            server=server,
            replicas=replicas,
            source=place,
            model_sources=model_sources,
            environment_source=given.environment_file(environment),
        )
        self._apply(replace(manifests, deployment=changed), timeout, progress, given.file_of(environment))

    def reload(self, *, timeout: float | None = None, progress: bool | Progress = False) -> None:
        """Read the source again from where it was deployed from, and models that were given as paths; and serve them.

        Also for a deployment that another program has made: the manifest says where from (the annotations
        `localmodel.dev/source` and `model-sources`). A model whose path is not there any more stays as it is.

        Raises:
            UserError: SourceUnknown (it was deployed with a manifest of its own), SourceMissing, SourceTooLarge.
            DeployError: the script does not serve; what served goes on serving.
        """
        store, progress = Store(home.store()), reporter(progress)
        manifests = self._target.manifests(self.name)
        applied = manifests.deployment
        place = Path(annotations.annotation(applied, annotations.SOURCE))
        if not place.name:
            raise UserError(
                "SourceUnknown",
                f"{self.name} was deployed with a manifest, which is where its code is from: apply that again",
            )
        model_sources = annotations.model_sources(applied)
        entry = applied["spec"]["scoring"]["entryScript"]
        code = self._code(place, entry, model_sources, store, progress)
        for path in model_sources.values():
            if not os.path.lexists(path):
                progress.note(f"{path}: a model was read from here, and there is nothing any more; its version stays")
        models = given.models(given.again(applied), store)
        changed = definition.changed(applied, code=code, models=models, source=place, model_sources=model_sources)
        self._apply(replace(manifests, deployment=changed), timeout, progress)

    def _code(
        self, place: Path, entry: str, model_sources: Mapping[str, Path], store: Store, progress: Progress
    ) -> CodeVersion:
        found = source.read(place, entry, model_sources.values())
        for note in found.notes:
            progress.note(note)
        return store.code.register(self.name, found.files, entry)

    def history(self) -> list[PastRevision]:
        """The revisions that are kept, newest first: number, time, cause, digests, and which of them serves."""
        return self._target.history(self.name)

    def rollback(
        self, to: int | None = None, *, timeout: float | None = None, progress: bool | Progress = False
    ) -> None:
        """Serve revision `to` again, or the one that served before; it stays until something else is deployed.

        Arguments as in Client.deploy().

        Raises:
            DeployError: it does not serve; what served goes on serving.
            UserError: RevisionNotFound.
        """
        with self._deploying():
            self._target.rollback(self.name, to, timeout, reporter(progress))

    def delete(self, *, missing_ok: bool = False) -> None:
        """Stop the deployment and forget it. Models, environments and code stay in the store."""
        self._forget()
        try:
            self._target.delete(self.name)
        except UserError as error:
            if not missing_ok or error.reason != "DeploymentNotFound":
                raise

    def _apply(
        self, wanted: ManifestSource, timeout: float | None, progress: Progress, requirements: Path | None = None
    ) -> None:
        """Apply a manifest of this deployment, whose environment is that of a file. Raises DeployError."""
        from localmodel.environments.formats import files  # which reads the schema

        with self._deploying(), files.told_of(requirements):
            self._target.apply(wanted, timeout, progress)

    @contextlib.contextmanager
    def _deploying(self) -> Iterator[None]:
        """What fails inside is a DeployError, and afterwards nothing is remembered of what served."""
        try:
            yield
        except UserError as error:
            traceback = self._load_traceback() if error.reason in _RAISED else ""
            raise DeployError(error.reason, str(error), traceback) from None
        finally:
            self._forget()  # what a thread has learned meanwhile

    def _load_traceback(self) -> str:
        return tracebacks.of_load(self._log_in_time())

    def _log_in_time(self) -> str:
        """The end of the log, or nothing: it only adds to an error, which it must neither hide nor delay for long."""
        found: list[str] = []

        def read() -> None:
            with contextlib.suppress(UserError, OSError):
                found.append(self.logs(_LINES_SEARCHED))

        reading = Thread(target=read, daemon=True)
        reading.start()
        reading.join(_SECONDS_TO_SEARCH)
        return "".join(found)
