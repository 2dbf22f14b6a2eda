"""The HTTP response that an entry script may return instead of a plain result."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Callable, Optional, Union

from localmodel_worker.aml.header_map import Headers
from localmodel_worker.results import encode
from localmodel_worker.strict import is_strict

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["AMLResponse"]

Body = Union[bytes, Iterator[bytes]]


class AMLResponse:
    """Status, headers and body of an answer, used like a Flask Response.

    message is text, bytes, or an iterable of either, which is sent piece by piece as it comes; None is `{}`.
    With json_str it is anything that JSON can express. The content type is `text/html` unless
    response_headers has one, or JSON when message is None or json_str is set.

    response_headers is a mapping of names to values. A header that repeats has a list or tuple of values. A comma
    in a value stays: it is part of every date, and of many cookies. Azure ML's own class splits at it, and so does
    this one under strict parity.

    run_function_failed is told to the client in the header x-ms-run-function-failed.

    Raises TypeError for a message that cannot be sent, ValueError for one that JSON cannot express, for a status
    that is not 200 to 999, and for a header with a line break.
    """

    def __init__(
        self,
        message: Any,
        status_code: int,
        response_headers: Optional[Mapping[str, Any]] = None,
        json_str: bool = False,
        run_function_failed: bool = False,
    ) -> None:
        self.headers = Headers()
        self.run_function_failed = bool(run_function_failed)
        self.status_code = status_code
        self._closers: list[Callable[[], Any]] = []
        strict = is_strict(os.environ)
        if json_str or message is None:
            self._body: Body = encode({} if message is None else message, allow_nan=strict).encode()
            self.mimetype = "application/json"
        else:
            self._body = _to_body(message)
            self._call_close_of(message)
            self.mimetype = "text/html"
        headers = dict(response_headers or {})
        self.headers.update(_split(headers) if strict else headers)

    def __repr__(self) -> str:
        size = "streamed" if self.is_streamed else f"{len(self.data)} bytes"
        return f"<AMLResponse {size} [{self.status}]>"

    @property
    def status_code(self) -> int:
        """The status as a number; setting it raises ValueError like the class."""
        return self._status_code

    @status_code.setter
    def status_code(self, code: int) -> None:
        number = int(code)
        if not 200 <= number <= 999:
            raise ValueError(f"{code} is not the HTTP status of a response: 200 to 999")
        self._status_code = number

    @property
    def status(self) -> str:
        """Number and phrase, `404 NOT FOUND`; may be set to such a text or to a number."""
        try:
            return f"{self._status_code} {HTTPStatus(self._status_code).phrase.upper()}"
        except ValueError:
            return f"{self._status_code} UNKNOWN"

    @status.setter
    def status(self, status: Union[str, int]) -> None:
        self.status_code = int(status.split(None, 1)[0]) if isinstance(status, str) else status

    @property
    def content_type(self) -> Optional[str]:
        """The Content-Type header."""
        return self.headers.get("Content-Type")  # type: ignore[no-any-return]

    @content_type.setter
    def content_type(self, value: str) -> None:
        self.headers["Content-Type"] = value

    @property
    def mimetype(self) -> Optional[str]:
        """The content type without parameters; setting it adds the charset to text."""
        content_type = self.content_type
        return None if content_type is None else content_type.partition(";")[0].strip().lower()

    @mimetype.setter
    def mimetype(self, value: str) -> None:
        is_text = value.startswith("text/") and "charset" not in value
        self.content_type = f"{value}; charset=utf-8" if is_text else value

    @property
    def is_streamed(self) -> bool:
        """Whether the body comes from an iterable that has not been read."""
        return not isinstance(self._body, bytes)

    @property
    def data(self) -> bytes:
        """The body; of a streamed one it reads all."""
        if not isinstance(self._body, bytes):
            self._body = b"".join(self._body)
        return self._body

    @data.setter
    def data(self, value: Union[str, bytes]) -> None:
        self.set_data(value)

    def get_data(self, as_text: bool = False) -> Union[bytes, str]:
        """The body, or its text; of a streamed one it reads all."""
        return self.data.decode(errors="replace") if as_text else self.data

    def set_data(self, value: Union[str, bytes]) -> None:
        """Replace the body.

        Raises:
            TypeError
        """
        self._body = _to_body(value)

    @property
    def json(self) -> Any:
        """The body read as JSON.

        Raises:
            ValueError
        """
        return json.loads(self.data)

    def body(self) -> Body:
        """The body as it is sent: bytes, or their iterator."""
        return self._body

    def set_cookie(
        self,
        key: str,
        value: str = "",
        max_age: Optional[int] = None,
        expires: Union[str, int, float, datetime, None] = None,
        path: Optional[str] = "/",
        domain: Optional[str] = None,
        secure: bool = False,
        httponly: bool = False,
        samesite: Optional[str] = None,
    ) -> None:
        """Add a Set-Cookie header.

        max_age is in seconds, expires a datetime, a Unix time in seconds or the text itself.

        Raises:
            ValueError
        """
        from localmodel_worker.aml.cookies import cookie_header

        attributes = {
            "expires": expires,
            "max-age": max_age,
            "domain": domain,
            "path": path,
            "secure": secure,
            "httponly": httponly,
            "samesite": samesite,
        }
        self.headers.add("Set-Cookie", cookie_header(key, value, attributes))

    def delete_cookie(self, key: str, path: str = "/", domain: Optional[str] = None) -> None:
        """Have the client forget a cookie."""
        self.set_cookie(key, max_age=0, expires=0, path=path, domain=domain)

    def call_on_close(self, function: Callable[[], Any]) -> Callable[[], Any]:
        """Call the function when the response has been sent."""
        self._closers.append(function)
        return function

    def close(self) -> None:
        """Called when the response has been sent, or given up."""
        closers, self._closers = self._closers, []
        for close in closers:
            close()

    def _call_close_of(self, message: object) -> None:
        close = getattr(message, "close", None)
        if callable(close):  # a generator's finally, an open file
            self._closers.append(close)


def _split(headers: dict[str, Any]) -> dict[str, Any]:
    return {
        name: [part.strip() for part in value.split(",")] if isinstance(value, str) else value
        for name, value in headers.items()
    }


def _to_body(message: Any) -> Body:
    if isinstance(message, str):
        return message.encode()
    if isinstance(message, (bytes, bytearray, memoryview)):
        return bytes(message)
    if isinstance(message, (list, tuple)):
        return b"".join(_pieces(message))
    if isinstance(message, Mapping) or not isinstance(message, Iterable):
        raise TypeError(
            f"a {type(message).__name__} cannot be a response's body; pass json_str=True to send it as JSON"
        )
    return _pieces(message)


def _pieces(parts: Iterable[Any]) -> Iterator[bytes]:
    for part in parts:
        if isinstance(part, str):
            yield part.encode()
        elif isinstance(part, (bytes, bytearray, memoryview)):
            yield bytes(part)
        else:
            raise TypeError(f"a response's body is made of text or bytes, not of {type(part).__name__}")
