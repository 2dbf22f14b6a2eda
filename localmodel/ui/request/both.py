"""The page that sends one request to two revisions, and shows where their answers differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localmodel.errors import UserError
from localmodel.output import printable
from localmodel.sdk.deployment import Deployment
from localmodel.targets.target import PastRevision, Target
from localmodel.ui.comparing import chosen
from localmodel.ui.deployments import Deployments
from localmodel.ui.request import answers
from localmodel.ui.request.answers import Shown
from localmodel.ui.request.trying import JSON, Trying, body_of
from localmodel.ui.request.warm import Warm
from localmodel_untrusted import answer_difference
from localmodel_untrusted.answer_difference import Answer, Change, Rules

_MOST_CHANGES = 20


@dataclass(frozen=True)
class Side:
    """A revision with its answer, or why there is none. `shown` is what the page shows of the answer."""

    revision: int
    answer: Answer | None
    shown: Shown | None
    problem: str = ""


class Both:
    """Two revisions of a deployment: the one that serves is asked at its address, others are loaded for it."""

    def __init__(self, target: Target, deployments: Deployments, trying: Trying) -> None:
        self._deployments, self._trying = deployments, trying
        self._warm = Warm(target)

    def routes(self) -> list[Route]:
        """The address of the page. It does not end as that of the form: a script runs on this machine."""
        place = "/deployments/{name}/both"
        return [Route(place, self.show), Route(place, self.send, methods=["POST"])]

    def show(self, request: Request) -> Response:
        """The form with the sample request."""
        return self._page(request, None)

    async def send(self, request: Request) -> Response:
        """The form with what was sent, and both answers."""
        values = parse_qs(await body_of(request), keep_blank_values=True, max_num_fields=10)
        return await run_in_threadpool(self._page, request, values.get(b"body", [b""])[0].decode(errors="replace"))

    def _page(self, request: Request, body: str | None) -> Response:
        deployment = self._deployments.find(request)
        history = deployment.history()
        pair = [chosen(request, key, deployment.name, history) for key in ("from", "to")]
        sides = [] if body is None else [self._side(deployment, past, body.encode()) for past in pair]
        first, second = (side.answer for side in sides) if sides else (None, None)
        return self._deployments.one(
            "both",
            deployment,
            before=pair[0],
            after=pair[1],
            body=printable.json_text(self._trying.sample(deployment) if body is None else body),
            sides=sides,
            both_failed=first is not None and second is not None and min(first.status, second.status) >= 500,
            changes=None if first is None or second is None else changes(first, second),
        )

    def _side(self, deployment: Deployment, past: PastRevision, body: bytes) -> Side:
        try:
            answer, headers = self._ask(deployment, past, body)
        except UserError as error:
            return Side(past.revision, None, None, str(error))
        content_type = headers.get("content-type", JSON)
        shown = Shown(
            answer.status, "", round(answer.milliseconds, 1), headers, answers.body_text(content_type, answer.body)
        )
        return Side(past.revision, answer, shown)

    def _ask(self, deployment: Deployment, past: PastRevision, body: bytes) -> tuple[Answer, Mapping[str, str]]:
        if past.serving:
            found = deployment._answer(body, JSON)
            return Answer(found.status, found.body, found.seconds * 1000), found.headers
        return self._warm.ask(deployment.name, past.revision, past.created, body), {}


def changes(before: Answer, after: Answer) -> list[Change]:
    """The first places in which two answers differ."""
    return [*islice(answer_difference.changes(before, after, Rules(), ()), _MOST_CHANGES)]
