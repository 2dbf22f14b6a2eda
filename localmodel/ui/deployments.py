"""The pages about deployments: the list, and of one its state, timeline, log and settings, and the ways on and back."""

from collections.abc import Callable

import yaml
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from localmodel.errors import UserError
from localmodel.output.printable import printable
from localmodel.output.progress import Progress
from localmodel.project import definition
from localmodel.resource import annotations, spec
from localmodel.sdk.client import Client
from localmodel.sdk.deployment import Deployment
from localmodel.targets.target import Target
from localmodel.ui import words
from localmodel.ui.pages import Pages
from localmodel.ui.paging import Page, positive
from localmodel.ui.words import Words
from localmodel.ui.work import Work

_LOG_LINES = 1000


class Deployments:
    """The deployments of one target. `words_of` gives what rewrites texts about one for who applied a folder."""

    def __init__(self, target: Target, pages: Pages, words_of: Callable[[Target, str], Words]) -> None:
        self._target, self._pages, self._words_of = target, pages, words_of
        self._client = Client._of(target)
        self._work = Work()

    def routes(self) -> list[Route]:
        """The addresses of the pages."""
        one = "/deployments/{name}"
        return [
            Route("/deployments", self.table),
            Route(one, self.overview),
            Route(f"{one}/logs", self.logs),
            Route(f"{one}/log.txt", self.log_text),
            Route(f"{one}/settings", self.settings),
            Route(f"{one}/cluster", self.cluster),
            Route(f"{one}/rollback", self.ask_back),
            Route(f"{one}/rollback", self.go_back, methods=["POST"]),
            Route(f"{one}/trial", self.ask_end),
            Route(f"{one}/trial", self.end, methods=["POST"]),
        ]

    def find(self, request: Request) -> Deployment:
        """The deployment that the address names.

        Raises:
            UserError: DeploymentNameInvalid, DeploymentNotFound.
        """
        name = request.path_params["name"]
        definition.check_name(name)  # because it becomes a path
        return self._client.get(name)

    def table(self, request: Request) -> Response:
        """Every deployment with its state, or those whose names have a word."""
        wanted = request.query_params.get("q", "").strip()
        pages: list[Page] = []

        def part(names: list[str]) -> list[str]:
            found = sorted(name for name in names if wanted.lower() in name)
            page = Page.of(request, len(found))
            pages.append(page)
            return found[page.first : page.last]

        shown = self._target.deployments(part)
        [page] = pages
        rows = [(status, words.summary(status, self.words_for(status.name, status.ready))) for status in shown]
        return self._pages.render("deployments", rows=rows, wanted=wanted, page=page)

    def overview(self, request: Request) -> Response:
        """State, conditions and timeline."""
        deployment = self.find(request)
        in_words = self.words_for(deployment.name)
        return self.one(
            "deployment",
            deployment,
            conditions=words.conditions(deployment.status, in_words),
            timeline=words.timeline(deployment.history(), in_words),
            job=self._work.of(deployment.name),
            source=annotations.annotation(deployment.manifest, annotations.SOURCE),
        )

    def logs(self, request: Request) -> Response:
        """The end of the log; the page's script asks for what comes."""
        deployment = self.find(request)
        return self.one("logs", deployment, log=deployment.logs(_LOG_LINES), lines=_LOG_LINES)

    def log_text(self, request: Request) -> Response:
        """The same as text."""
        return PlainTextResponse(printable(self.find(request).logs(_LOG_LINES)))

    def cluster(self, request: Request) -> Response:
        """What the cluster says: conditions, pods with their nodes, and Events."""
        deployment = self.find(request)
        view = self._target.in_cluster(deployment.name)
        if view is None:
            raise HTTPException(404, f"{deployment.name} runs on this machine, and not in a cluster.")
        return self.one("cluster", deployment, view=view)

    def settings(self, request: Request) -> Response:
        """The manifest that was applied last."""
        deployment = self.find(request)
        manifest = dict(deployment.manifest)
        text = yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True)
        return self.one("settings", deployment, spec=spec.parse(manifest["spec"]), manifest=text)

    def ask_back(self, request: Request) -> Response:
        """The question before a rollback."""
        deployment, revision = self.find(request), number(request.query_params.get("to", ""))
        timeline = words.timeline(deployment.history(), self.words_for(deployment.name))
        entry = next((entry for entry in timeline if entry.revision == revision), None)
        if entry is None:
            raise HTTPException(404, f"{deployment.name} has no revision {revision} any more.")
        return self.one("rollback", deployment, entry=entry)

    async def go_back(self, request: Request) -> Response:
        """Begin the rollback, and lead to the page that shows how it goes."""
        deployment, revision = await run_in_threadpool(self.find, request), number(request.query_params.get("to", ""))

        def back(progress: Progress) -> None:
            deployment.rollback(revision, progress=progress)

        return self.begin(deployment.name, f"Going back to revision {revision}", back)

    def ask_end(self, request: Request) -> Response:
        """The question before the end of a trial."""
        deployment, promotes = self.find(request), _promotes(request)
        view = self._target.in_cluster(deployment.name)
        if view is None or view.trial is None:
            raise HTTPException(404, f"No revision of {deployment.name} is tried on clients' requests now.")
        return self.one("trial", deployment, trial=view.trial, promotes=promotes)

    async def end(self, request: Request) -> Response:
        """Begin to promote or to give up the revision on trial, and lead to the page that shows how that goes."""
        deployment, promotes = await run_in_threadpool(self.find, request), _promotes(request)

        def end(progress: Progress) -> None:
            (deployment.promote if promotes else deployment.abort)(progress=progress)

        title = "Promoting the revision on trial" if promotes else "Giving up the revision on trial"
        return self.begin(deployment.name, title, end)

    def begin(self, name: str, title: str, change: Callable[[Progress], None]) -> Response:
        """Begin a change, and lead to the page that shows how it goes."""
        if not self._work.begin(name, title, change):
            raise HTTPException(409, f"{name} is being changed from this page already; wait until it ends.")
        return RedirectResponse(f"/deployments/{name}", 303)

    def one(self, template: str, deployment: Deployment, **values: object) -> Response:
        """A page about one deployment, whose head has its state."""
        return self._pages.render(template, **self.head(deployment), **values)

    def head(self, deployment: Deployment) -> dict[str, object]:
        """What all pages about a deployment show."""
        status = deployment.status
        return {"status": status, "summary": words.summary(status, self.words_for(status.name, status.ready))}

    def words_for(self, name: str, unneeded: bool = False) -> Words:
        """What rewrites texts about it, for who applied a folder."""
        return str if unneeded else self._words_of(self._target, name)


def _promotes(request: Request) -> bool:
    """Whether the address asks to promote the revision on trial, or to give it up."""
    asked = request.query_params.get("end", "")
    if asked not in {"promote", "abort"}:
        raise HTTPException(404, "A trial ends with promote or abort.")
    return asked == "promote"


def number(text: str) -> int:
    """The revision that an address names."""
    if (revision := positive(text)) is None:
        raise HTTPException(404, "A revision is a number.")
    return revision


def failure_status(error: UserError) -> int:
    """The HTTP status of an error: 404 where something is missing, 503 where it cannot be looked at now."""
    return 404 if error.reason.endswith(("NotFound", "NameInvalid", "Missing")) else 503
