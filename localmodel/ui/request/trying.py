"""The page that sends a request to a deployment and shows the answer."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localmodel.errors import UserError
from localmodel.output import printable
from localmodel.project import sample_request
from localmodel.resource import spec
from localmodel.sdk import scoring_input
from localmodel.sdk.deployment import Deployment
from localmodel.targets.captured_request import CapturedRequest
from localmodel.targets.target import Target
from localmodel.ui.deployments import Deployments
from localmodel.ui.pages import Pages
from localmodel.ui.request import answers, form, snippets
from localmodel.ui.request.answers import Shown
from localmodel.ui.request.snippets import File, Snippet
from localmodel_untrusted import json_text
from localmodel_untrusted.files import UnreadableError, read_file

_MOST_BYTES = 16 << 20  # of a request
_MOST_CAPTURED = 20  # requests that are looked at
JSON = "application/json"
_BINARY = "application/octet-stream"
_EMPTY = '{"data": []}'
# For a deployment that was applied as a manifest, and whose script declares nothing: nobody knows what it takes.
_DIGIT = json.dumps({"data": [[0] * form.SIDE**2]})


class Trying:
    """The form, and what comes of it."""

    def __init__(self, target: Target, pages: Pages, deployments: Deployments) -> None:
        self._target, self._pages, self._deployments = target, pages, deployments

    def routes(self) -> list[Route]:
        """The addresses of the pages."""
        place = "/deployments/{name}/try"
        return [Route(place, self.show), Route(place, self.send, methods=["POST"])]

    def show(self, request: Request) -> Response:
        """The form with the sample request."""
        deployment = self._deployments.find(request)
        schema = self._schema(deployment)
        draws = "digit" in request.query_params
        return self._page(deployment, schema, _DIGIT if draws else self.sample(deployment, schema))

    async def send(self, request: Request) -> Response:
        """The form with what was sent, and the answer."""
        content = await body_of(request)
        return await run_in_threadpool(self._sent, request, content)

    def _sent(self, request: Request, content: bytes) -> Response:
        deployment, file = self._deployments.find(request), _file(request)
        if file is not None:  # it goes on as the browser has made it
            answer, problem = _ask(deployment, content, request.headers.get("content-type", _BINARY))
            return self._page(deployment, {}, "", snippets.of_file(deployment.status.url, file), answer, problem)
        values = parse_qs(content, keep_blank_values=True, max_num_fields=10)
        body = values.get(b"body", [b""])[0].decode(errors="replace")
        answer, problem = _ask(deployment, body.encode(), JSON)
        return self._page(deployment, self._schema(deployment), body, None, answer, problem)

    def _page(
        self,
        deployment: Deployment,
        schema: Mapping[str, Any],
        body: str,
        code: Sequence[Snippet] | None = None,
        answer: Shown | None = None,
        problem: str = "",
    ) -> Response:
        head = self._deployments.head(deployment)
        body = printable.json_text(body)
        return self._pages.render(
            "try",
            **head,
            fields=fields(body, schema),
            body=body,
            answer=answer,
            problem=problem,
            snippets=code or snippets.of(deployment.status.url, body),
        )

    def _schema(self, deployment: Deployment) -> Mapping[str, Any]:
        """What the deployment says of its input; nothing where it does not answer."""
        try:
            document, _ = scoring_input.ask(self._target.reach(deployment._serving()))
        except UserError:
            return {}
        return service_input(document)

    def sample(self, deployment: Deployment, schema: Mapping[str, Any] | None = None) -> str:
        """The body to begin with: the sample, the gate's, one made from the schema, or the last captured one."""
        try:
            sample = sample_request.of(self._target, deployment.name)
            if isinstance(sample, Path):
                return (read_file(sample, _MOST_BYTES) or b"").decode()
            if sample is not None:
                return sample
            gate = spec.parse(deployment.manifest["spec"]).gate
            if gate and gate.requests:
                return gate_body(gate.requests[0])
        except (UserError, UnreadableError, UnicodeDecodeError):
            pass  # there is still the schema
        schema = self._schema(deployment) if schema is None else schema
        made = form.example_of(schema) if schema else None
        if made:
            return json.dumps(made, ensure_ascii=False)
        try:
            return last_body(deployment.captured(_MOST_CAPTURED)) or _EMPTY
        except UserError:
            return _EMPTY


def last_body(captured: Sequence[CapturedRequest]) -> str:
    """The JSON that was sent to /score last; "" without any."""
    for request in reversed(captured):
        content_type = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
        if request.dialect == "azure" and request.body and content_type == JSON:
            return request.body.decode(errors="replace")
    return ""


def gate_body(request: Mapping[str, Any]) -> str:
    """The body of a gate's request, which is a text or a value."""
    body = request.get("body", "")
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)


def service_input(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of the input in a swagger document, which may be the user's own."""
    part: Any = document
    for name in ("components", "schemas", "ServiceInput"):
        part = part.get(name) if isinstance(part, Mapping) else None
    return part if isinstance(part, Mapping) else {}


def fields(body: str, schema: Mapping[str, Any]) -> list[form.Field]:
    """The controls for a body; none where it is not JSON."""
    try:
        return form.fields(json_text.parse(body.encode(errors="replace")), schema)
    except UnreadableError:
        return []


def _ask(deployment: Deployment, content: bytes, content_type: str) -> tuple[Shown | None, str]:
    """The answer, or why there is none."""
    try:
        answer = deployment._answer(content, content_type)
        return answers.shown(answer, deployment._traceback(answer)), ""
    except UserError as error:
        return None, str(error)


def _file(request: Request) -> File | None:
    """What the page's script says of a file that is the body, or a part of it."""
    name = request.headers.get("x-file")
    if name is None:
        return None
    part, kind = request.headers.get("x-part", ""), request.headers.get("content-type", _BINARY)
    return File(unquote(name), kind, unquote(part))


async def body_of(request: Request) -> bytes:
    """What was sent, unless it is too long."""
    content = b""
    async for piece in request.stream():
        content += piece
        if len(content) > _MOST_BYTES:
            raise HTTPException(413, f"A request from this page has at most {_MOST_BYTES >> 20} MB.")
    return content
