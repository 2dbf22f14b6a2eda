"""The page that says what an edit on disk would do, and applies it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localmodel.environments import stored
from localmodel.output.progress import Progress
from localmodel.resource import annotations, spec
from localmodel.sdk.deployment import Deployment
from localmodel.targets.target import Draft, Target
from localmodel.ui import differences
from localmodel.ui.comparing import stored_code
from localmodel.ui.deployments import Deployments
from localmodel.ui.differences import FileChange

_WAYS = {
    "nothing": "as nothing differs",
    "patch": "without a new revision",
    "swap": "the new revision is loaded beside the one that serves, which then gives way",
    "roll": "other servers start with it, and then the ones that serve end",
    "rebuild": "the environment is installed anew, and other servers start",
}


class Planning:
    """The plan of reading a deployment's source again."""

    def __init__(self, target: Target, deployments: Deployments) -> None:
        self._target, self._deployments = target, deployments

    def routes(self) -> list[Route]:
        """The address of the page, and of what it asks."""
        place = "/deployments/{name}/plan"
        return [Route(place, self.show), Route(place, self.apply, methods=["POST"])]

    def show(self, request: Request) -> Response:
        """The plan, and the lines of code that would differ."""
        deployment, notes = self._deployments.find(request), Notes()
        draft, _ = deployment._again(notes)
        [planned] = self._target.plan(draft, notes)
        return self._deployments.one(
            "plan",
            deployment,
            planned=planned,
            way=_WAYS[planned.lane],
            reason=self._deployments.words_for(deployment.name)(planned.reason),
            notes=notes.lines,
            files=self._files(deployment, draft),
            source=annotations.annotation(deployment.manifest, annotations.SOURCE) or "the models' files",
        )

    async def apply(self, request: Request) -> Response:
        """Begin to serve it, and lead to the page that shows how that goes."""
        deployment = await run_in_threadpool(self._deployments.find, request)

        def again(progress: Progress) -> None:
            deployment.reload(progress=progress)

        return self._deployments.begin(deployment.name, "Applying the edit", again)

    def _files(self, deployment: Deployment, draft: Draft) -> list[FileChange] | None:
        """The files of the source folder that differ from what serves; None where this machine lacks those."""
        code = spec.parse(draft.manifests.deployment["spec"]).source.code
        serving = next((past for past in deployment.history() if past.serving), None)
        if code is None or serving is None:
            return None
        before = self._target.code(deployment.name, serving.revision)
        before = before or stored_code(deployment, {serving.code}).get(serving.code, {})
        return differences.files(before, stored.code(code, draft.store)) if before else None


class Notes:
    """Implements `Progress`: keeps what the user should know."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """Nobody watches the steps of a plan."""
        yield lambda words: None

    def note(self, text: str) -> None:
        self.lines.append(text)
