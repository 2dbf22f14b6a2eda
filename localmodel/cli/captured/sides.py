"""What asks the requests of a replay: a deployment, the script of a path, or a revision that is kept."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localmodel import reasons
from localmodel.cli.project_options import deployment, is_path, wrong_paths
from localmodel.cli.terminal.output import ConsoleProgress, Failure
from localmodel.errors import UserError
from localmodel.output.printable import one_line
from localmodel.output.progress import Progress
from localmodel.targets import captured_request, http, in_order
from localmodel.targets.captured_request import CapturedRequest
from localmodel.targets.target import Target

if TYPE_CHECKING:
    from localmodel.project.project import Project
    from localmodel.replay.replay import Ask
    from localmodel.trial.prepare import Trial
    from localmodel_untrusted.answer_difference import Answer


@contextmanager
def asking(name: str, where: dict[str, Any]) -> "Iterator[Ask]":
    """What asks the deployment of this name, or the script of this path."""
    if not is_path(name):
        yield serving(name, where)
        return
    from localmodel.cli.target_option import chosen
    from localmodel.trial import prepare

    def prepared(folder: Path, progress: Progress) -> "Trial":
        return prepare.prepare(prepare.wish(Path(name)), folder, progress, lambda: chosen(where))

    with wrong_paths(), _tried_in(prepared) as ask:
        yield ask


@contextmanager
def project(wanted: "Project", target: Target) -> "Iterator[Ask]":
    """What asks that which lmd apply would serve."""
    from localmodel.trial import prepare

    def prepared(folder: Path, progress: Progress) -> "Trial":
        return prepare.of_project(wanted, folder, progress, lambda: target)

    with _tried_in(prepared) as ask:
        yield ask


@contextmanager
def _tried_in(prepared: "Callable[[Path, Progress], Trial]") -> "Iterator[Ask]":
    """What asks the script of a trial, whose folder lasts as long as this."""
    with (
        in_order.temporary_folder("lmd-replay-") as folder,
        _loaded(prepared(folder / "0", ConsoleProgress())) as ask,
    ):
        yield ask


@contextmanager
def revision(word: str, number: int, where: dict[str, Any]) -> "Iterator[Ask]":
    """What asks a revision that a deployment keeps, which need not serve, as a process of this machine."""
    with wrong_paths():
        target, name = deployment(word, dict(where))
    with kept(target, name, number) as ask:
        yield ask


@contextmanager
def kept(target: Target, name: str, number: int) -> "Iterator[Ask]":
    """The same, of a deployment on this target."""
    from localmodel.trial import kept as kept_revisions
    from localmodel.trial import past

    content = past.of(target, name, number)
    with _tried_in(lambda folder, progress: kept_revisions.trial(content, folder, progress)) as ask:
        yield ask


@contextmanager
def _loaded(trial: "Trial") -> "Iterator[Ask]":
    from localmodel.trial.worker import ScriptLoadError, TrialWorker, WorkerDiedError

    with TrialWorker(trial, unattended=True) as worker:
        try:
            worker.load()
            yield _tried(worker)
        except ScriptLoadError as error:
            raise Failure(f"{error}\n\n{error.traceback}".rstrip()) from None
        except WorkerDiedError as error:
            raise Failure(str(error)) from None


def _tried(worker: Any) -> "Ask":
    from localmodel.replay import captured
    from localmodel_untrusted.answer_difference import Answer

    def ask(request: CapturedRequest) -> "Answer | str":
        is_json = captured.content_type(request).partition(";")[0].strip().lower() == captured.JSON
        is_plain = is_json and not request.query and "content-encoding" not in request.headers
        if request.dialect != "azure" or request.method != "POST" or request.body is None or not is_plain:
            return "without a server, a script is asked only JSON that was posted to /score without parameters"
        started = time.monotonic()
        answer = worker.ask(one_line(request.id), request.body)
        return Answer(answer.status, answer.body, (time.monotonic() - started) * 1000)

    return ask


def serving(word: str, where: dict[str, Any]) -> "Ask":
    """What asks the deployment of this name, or of this path, at its address."""
    with wrong_paths():
        return deployed(*deployment(word, dict(where)))


def deployed(target: Target, name: str) -> "Ask":
    """What asks a deployment at its address."""
    from localmodel.replay import captured
    from localmodel_untrusted.answer_difference import Answer

    status = target.get(name)
    if status.serving is None:
        raise UserError(reasons.NOT_SERVING, f"{name} is not serving: {status.why}")

    def ask(request: CapturedRequest) -> "Answer | str":
        if not captured.is_sendable(request):
            return "its address or content type is not valid"
        body = request.body if request.method == "POST" else None
        base = target.reach(status).removesuffix("/score")
        answer = http.request(f"{base}{captured.address(request)}", body, None, captured.content_type(request))
        return Answer(answer.status, answer.body, answer.seconds * 1000)

    return ask


def read(file: Path, last: int | None = None) -> list[CapturedRequest]:
    """The last requests in a file, or all.

    Raises:
        UserError: NothingCaptured.
    """
    with file.open("rb") as lines:
        requests = captured_request.of_lines(deque(lines, last), str(file))
    if not requests:
        raise UserError(reasons.NOTHING_CAPTURED, f"{file}: no captured request is in it; lmd capture writes them")
    return requests
