"""The dialect of Azure ML's inference server: a request to /score, and the headers of its answer."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

from localmodel_server.configuration.settings import Settings
from localmodel_server.errors import BadRequestError
from localmodel_server.fast_json import read_matrix, read_object
from localmodel_server.messages.asgi import message_body
from localmodel_server.messages.call import Array, Call, Headers, Outcome
from localmodel_server.messages.contract import Contract
from localmodel_server.messages.cost import NOTHING, Cost, of_json

NOT_RUN: Headers = [(b"x-ms-run-function-failed", b"False")]
_JSON = (b"content-type", b"application/json")
_FORMS = (b"application/x-www-form-urlencoded", b"multipart/form-data")
_NUMBERS = {"float16": "<f8", "float32": "<f8", "float64": "<f8"}
# Larger bodies are parsed by the worker alone: parsing them here would hold up everybody else's.
_MOST_BYTES_TO_PARSE = 1 << 20


class ScoreRequest:
    """One request to /score, decoded for the contract that it meets."""

    dialect = "azure"
    __slots__ = ("body", "headers", "method", "query", "strict")

    def __init__(self, method: str, query: bytes, headers: Headers, body: bytes, strict: bool) -> None:
        self.method = method
        self.query = query
        self.headers = headers
        self.body = body
        self.strict = strict

    def cost(self, contract: Contract) -> Cost:
        """Nothing: the worker decodes it."""
        return NOTHING

    def call(self, contract: Contract) -> Call:
        """The call of run() that it asks for.

        Raises:
            BadRequestError
        """
        headers = self.headers if contract.wants_headers or contract.mode == "http" else []
        if contract.mode == "http":
            target = "/score?" + self.query.decode("latin-1") if self.query else "/score"
            return Call("http", self.body, (), headers, self.method, target)
        body = self.body
        if self.method == "GET":
            body = json.dumps(_query_values(self.query)).encode()
        elif contract.mode == "schema":
            self._check_type()
        if contract.mode == "schema":
            return self._arrays(contract, body) or Call("json", body, (), headers)
        if self.strict and self._content_type().startswith(_FORMS):
            body = b""  # the original's run() gets nothing of a form
        parsed = read_object(body) if contract.reads_json and _may_parse(body) else b""
        return Call("text", body, (), headers, parsed=parsed)

    @classmethod
    def of(cls, headers: Headers, body: bytes, settings: Settings) -> ScoreRequest:
        """A POST with this body."""
        return cls("POST", b"", headers, body, settings.strict)

    def answer(self, outcome: Outcome) -> tuple[int, bytes, Headers]:
        """Status, body and headers of the answer, unless the script has made one of its own."""
        return outcome.status, outcome.body, [_JSON, *score_headers(outcome)]

    @staticmethod
    def refuse(status: int, message: str) -> tuple[bytes, Headers]:
        """Body and headers of an answer without a call of run()."""
        return message_body(message), [_JSON, *NOT_RUN]

    def _arrays(self, contract: Contract, body: bytes) -> Call | None:
        if not contract.rows or not _may_parse(body):
            return None
        value = contract.parameters[0]
        dtype = _NUMBERS.get(value.dtype)
        if dtype is None or len(value.shape) != 2:
            return None
        matrix = read_matrix(body, value.name, value.shape[1])
        if matrix is None:
            return None
        rows, data = matrix
        return Call("arrays", data, (Array(value.name, dtype, (rows, value.shape[1])),))

    def _check_type(self) -> None:
        kind = self._content_type().partition(b";")[0].strip()
        if kind != b"application/json" and not (kind.startswith(b"application/") and kind.endswith(b"+json")):
            raise BadRequestError(415, "run() has a schema: send JSON, with the header Content-Type: application/json")

    def _content_type(self) -> bytes:
        for name, value in self.headers:
            if name == b"content-type":
                return value.lower()
        return b""


def score_headers(outcome: Outcome) -> Headers:
    """The headers about a call that Azure ML's server sends."""
    failed = (b"x-ms-run-function-failed", b"True" if outcome.run_failed else b"False")
    if outcome.run_ms is None:
        return [failed]
    return [failed, (b"x-ms-run-fn-exec-ms", b"%.3f" % outcome.run_ms)]


def _query_values(query: bytes) -> dict[str, object]:
    """Query parameters as the original's run() sees them: JSON where it parses, a list where one is repeated."""
    values: dict[str, list[object]] = {}
    for name, text in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        values.setdefault(name, []).append(_json_or_text(text))
    return {name: given[0] if len(given) == 1 else given for name, given in values.items()}


def _json_or_text(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _may_parse(body: bytes) -> bool:
    return len(body) <= _MOST_BYTES_TO_PARSE and of_json(body).is_small
