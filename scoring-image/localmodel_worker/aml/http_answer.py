"""Recognise an HTTP response among what run() may return."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any, Callable, NamedTuple, Optional, Union

_FAILED = "x-ms-run-function-failed"
# The server frames the body and keeps the connection; a script's own idea of either breaks the answer.
_SERVERS_OWN = {"content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "trailer", _FAILED}
_WITHOUT_BODY = (204, 304)
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class NotHttpError(Exception):
    """run() returned a response that HTTP cannot express; the text says what."""


class HttpAnswer(NamedTuple):
    """The response to send; `run_failed` becomes the header x-ms-run-function-failed.

    An iterator as body may raise what the script's code raises. close must be called once, whether or not the
    body was read to its end; it may raise too.
    """

    status: int
    headers: list[tuple[str, str]]
    body: Union[bytes, Iterator[bytes]]
    run_failed: bool
    close: Callable[[], None]


def as_http_answer(result: Any) -> Optional[HttpAnswer]:
    """The answer in an AMLResponse, or in a Flask or Werkzeug Response; None for any other result.

    Neither package is imported: a script that returns one of these has done so.

    Raises:
        NotHttpError
    """
    ours = sys.modules.get("localmodel_worker.aml.aml_response")
    if ours is not None and isinstance(result, ours.AMLResponse):
        return _answer(result, result.body(), result.run_function_failed)
    if _is_werkzeug_response(result):
        return _answer(result, result.iter_encoded() if result.is_streamed else result.get_data(), False)
    return None


def _is_werkzeug_response(result: Any) -> bool:
    # Asked of the class: an instance may make up any attribute.
    kind = type(result)
    return all(hasattr(kind, name) for name in ("iter_encoded", "get_data", "is_streamed", "get_wsgi_headers")) and (
        isinstance(getattr(result, "status_code", None), int)
    )


def _answer(response: Any, body: Union[bytes, Iterator[bytes]], run_failed: bool) -> HttpAnswer:
    pairs = [(str(name), str(value)) for name, value in response.headers.items()]
    _check(response.status_code, pairs)
    says_failed = any(name.lower() == _FAILED and value.lower() == "true" for name, value in pairs)
    return HttpAnswer(
        status=response.status_code,
        headers=[(name, value) for name, value in pairs if name.lower() not in _SERVERS_OWN],
        body=b"" if response.status_code in _WITHOUT_BODY else body,
        run_failed=run_failed or says_failed or response.status_code >= 500,
        close=response.close,
    )


def _check(status: int, headers: list[tuple[str, str]]) -> None:
    if not 200 <= status <= 999:
        raise NotHttpError(f"run() returned a response with the status {status}; it must be 200 to 999")
    for name, value in headers:
        if not _TOKEN.fullmatch(name) or _CONTROL.search(value):
            raise NotHttpError(
                f"run() returned a response with a header that cannot be sent: {name!r}: {value[:100]!r}"
            )
