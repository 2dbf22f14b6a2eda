"""The page that sends a request to a deployment and shows the answer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

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
from localmodel.targets.http import Answer
from localmodel.targets.target import Target
from localmodel.ui import form, snippets
from localmodel.ui.deployments import Deployments
from localmodel.ui.pages import Pages
from localmodel_untrusted import json_text
from localmodel_untrusted.files import UnreadableError, read_file

_MOST_BYTES = 16 << 20  # of a request
_LONGEST_SHOWN = 200_000  # characters of an answer
_JSON = "application/json"
_EMPTY = '{"data": []}'
# For a deployment that was applied as a manifest, and whose script declares nothing: nobody knows what it takes.
_DIGIT = json.dumps({"data": [[0] * form.SIDE**2]})


@dataclass(frozen=True)
class Shown:
    """An answer as the page shows it. `text` is what the body is to a person."""

    status: int
    revision: str
    milliseconds: float
    headers: Mapping[str, str]
    text: str
    traceback: str = ""


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
        return self._page(deployment, schema, _DIGIT if draws else self._sample(deployment, schema))

    async def send(self, request: Request) -> Response:
        """The form with what was sent, and the answer."""
        values = parse_qs(await _body(request), keep_blank_values=True, max_num_fields=10)
        body = values.get(b"body", [b""])[0].decode(errors="replace")
        return await run_in_threadpool(self._sent, request, body)

    def _sent(self, request: Request, body: str) -> Response:
        deployment, answer, problem = self._deployments.find(request), None, ""
        try:
            got = deployment._answer(body.encode(), _JSON)
            answer = shown(got, deployment._traceback(got))
        except UserError as error:
            problem = str(error)
        return self._page(deployment, self._schema(deployment), body, answer, problem)

    def _page(
        self,
        deployment: Deployment,
        schema: Mapping[str, Any],
        body: str,
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
            snippets=snippets.of(deployment.status.url, body),
        )

    def _schema(self, deployment: Deployment) -> Mapping[str, Any]:
        """What the deployment says of its input; nothing where it does not answer."""
        try:
            document, _ = scoring_input.ask(self._target.reach(deployment._serving()))
        except UserError:
            return {}
        return service_input(document)

    def _sample(self, deployment: Deployment, schema: Mapping[str, Any]) -> str:
        """The body to begin with: the deployment's own sample request, its gate's, or one made from the schema."""
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
        made = form.example_of(schema) if schema else None
        return json.dumps(made, ensure_ascii=False) if made else _EMPTY


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


def shown(answer: Answer, traceback: str = "") -> Shown:
    """What the page shows of an answer."""
    return Shown(
        answer.status,
        answer.headers.get("x-localmodel-revision", ""),
        round(answer.seconds * 1000, 1),
        answer.headers,
        body_text(answer.headers.get("content-type", ""), answer.body),
        traceback,
    )


def body_text(content_type: str, body: bytes) -> str:
    """A body as text: JSON with indents where it has more than a line of them, and of other bytes only how many."""
    if "json" not in content_type and not content_type.startswith("text/"):
        return f"{len(body)} bytes of {content_type or 'an unknown type'}" if body else ""
    text = body.decode(errors="replace")
    if "json" in content_type:
        try:
            value = json_text.parse_loosely(body)
            text = json.dumps(value, ensure_ascii=False)
            if len(text) > 80 and isinstance(value, dict):
                text = json.dumps(value, ensure_ascii=False, indent=2)
        except (UnreadableError, ValueError, RecursionError):
            pass  # it is shown as it came
    if len(text) > _LONGEST_SHOWN:
        return f"{text[:_LONGEST_SHOWN]}\n… and {len(text) - _LONGEST_SHOWN} more characters"
    return text


async def _body(request: Request) -> bytes:
    """What was sent, unless it is too long."""
    content = b""
    async for piece in request.stream():
        content += piece
        if len(content) > _MOST_BYTES:
            raise HTTPException(413, f"A request from this page has at most {_MOST_BYTES >> 20} MB.")
    return content
