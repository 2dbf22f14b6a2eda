"""The page as an application: its addresses, behind the guard."""

from collections.abc import Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from localmodel import data
from localmodel.errors import UserError
from localmodel.targets.target import Target
from localmodel.ui.access import Access
from localmodel.ui.comparing import Comparing
from localmodel.ui.deployments import Deployments, failure_status
from localmodel.ui.guard import Guard
from localmodel.ui.live.live import Live
from localmodel.ui.pages import Pages
from localmodel.ui.planning import Planning
from localmodel.ui.request.both import Both
from localmodel.ui.request.trying import Trying
from localmodel.ui.store import StorePages
from localmodel.ui.upload import Upload
from localmodel.ui.words import Words

WordsOf = Callable[[Target, str], Words]


def make(target: Target, access: Access, words_of: WordsOf = lambda target, name: str) -> ASGIApp:
    """The application. `words_of` gives what rewrites texts about a deployment for who applied a folder."""
    pages = Pages(target.name, access.read_only)
    deployments = Deployments(target, pages, words_of)
    trying = Trying(target, pages, deployments)

    def refused(_: Request, error: Exception) -> Response:
        match error:
            case HTTPException():
                return pages.message(error.status_code, error.detail)
            case UserError():
                return pages.message(failure_status(error), str(error))
        raise error

    application = Starlette(
        routes=[
            Route("/", lambda _: RedirectResponse("/deployments", 303)),
            *deployments.routes(),
            *Comparing(target, deployments).routes(),
            *Planning(target, deployments).routes(),
            *Live(target, deployments).routes(),
            *trying.routes(),
            *Both(target, deployments, trying).routes(),
            *StorePages(pages).routes(),
            *Upload().routes(),
            Mount("/static/shared", StaticFiles(directory=data.page_folder())),
            Mount("/static", StaticFiles(directory=Path(__file__).with_name("static"))),
        ],
        exception_handlers={HTTPException: refused, UserError: refused},
    )
    return Guard(application, access, pages)
