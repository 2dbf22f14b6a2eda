"""The request as a `@rawhttp` script gets it: the parts of Flask's Request that entry scripts use."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Mapping
from types import FunctionType
from typing import TYPE_CHECKING, Any, Callable, Optional, TypeVar, Union

from localmodel_worker.client_errors import BadRequestError

if TYPE_CHECKING:
    from io import BytesIO

    from localmodel_worker.aml.header_map import Headers
    from localmodel_worker.aml.multi_dict import MultiDict
    from localmodel_worker.aml.multipart import Form
    from localmodel_worker.aml.uploads import UploadedFile

__all__ = ["AMLRequest", "rawhttp"]

_MARK = "__localmodel_rawhttp__"
_FIELDS_LIMIT = 1000
_F = TypeVar("_F", bound=Callable[..., Any])


def rawhttp(function: _F) -> _F:
    """Have run() get the request itself, as an AMLRequest, instead of its body's text.

    It speaks for the decorated function alone, not for the whole process.
    """
    try:
        setattr(function, _MARK, True)
    except AttributeError:  # a bound method, or written in C

        @functools.wraps(function)
        def marked(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return rawhttp(marked)  # type: ignore[return-value]
    return function


def is_rawhttp(function: object) -> bool:
    """Whether rawhttp decorates the function, or one that it wraps, with functools.wraps or without."""
    seen: set[int] = set()
    functions = [function]
    while functions:
        function = functions.pop()
        if getattr(function, _MARK, False) is True:
            return True
        if id(function) not in seen:
            seen.add(id(function))
            functions += [getattr(function, "__wrapped__", None), *_enclosed_functions(function)]
    return False


def _enclosed_functions(function: object) -> list[object]:
    functions: list[object] = []
    for cell in getattr(function, "__closure__", None) or ():
        with contextlib.suppress(ValueError):  # an empty cell
            if isinstance(cell.cell_contents, FunctionType):
                functions.append(cell.cell_contents)
    return functions


class AMLRequest:
    """One HTTP request; nothing of it is parsed before the script asks.

    What the client got wrong raises BadRequestError, which becomes a 400 (415 for a wrong content type) with its
    text. The body is at hand as a whole, so `data` has it whatever the content type is.
    """

    scheme = "http"

    def __init__(
        self,
        method: str,
        target: str,
        headers: list[tuple[str, str]],
        body: Union[bytes, bytearray],
        remote_addr: Optional[str] = None,
    ) -> None:
        """target is the path as sent, with the query; headers are the pairs as they came. Text is read as latin-1."""
        self.method = method.upper()
        self.remote_addr = remote_addr
        self._target_path, _, self._query = target.partition("?")
        self._sent_headers = headers
        self._body = bytes(body)

    def __repr__(self) -> str:
        return f"<AMLRequest {self.url!r} [{self.method}]>"

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the request has no {name!r} here; flask.Request(request.environ) has all of Flask's")

    # The body

    @property
    def data(self) -> bytes:
        """The body."""
        return self._body

    def get_data(self, cache: bool = True, as_text: bool = False, parse_form_data: bool = False) -> Union[bytes, str]:
        """The body, or its text as UTF-8 with as_text; `cache` and `parse_form_data` make no difference."""
        return self._body.decode(errors="replace") if as_text else self._body

    @functools.cached_property
    def stream(self) -> BytesIO:
        """The body as a file, with one position for all who read it."""
        from io import BytesIO

        return BytesIO(self._body)

    @property
    def json(self) -> Any:
        """Same as get_json()."""
        return self.get_json()

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """The body as JSON.

        With `silent`, None takes the place of an error; `cache` makes no difference.

        Raises:
            BadRequestError: the content type is not JSON (unless `force` is set), or the body cannot be parsed.
        """
        try:
            if not force and not self.is_json:
                raise BadRequestError("send JSON with the header Content-Type: application/json", 415)
            return self._parsed_json
        except BadRequestError:
            if silent:
                return None
            raise

    @functools.cached_property
    def _parsed_json(self) -> Any:
        if not self._body:
            raise BadRequestError("the request's body is empty; expected JSON")
        try:
            return json.loads(self._body)
        except ValueError as error:
            raise BadRequestError(f"the request's body is not JSON: {error}") from error
        except RecursionError:
            raise BadRequestError("the request's body is nested too deeply") from None

    @property
    def is_json(self) -> bool:
        """Whether the content type is `application/json` or one that ends in `+json`."""
        kind = self.mimetype
        return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))

    # Query and form

    @functools.cached_property
    def args(self) -> MultiDict[str]:
        """The query's parameters.

        Raises:
            BadRequestError: for more than 1000.
        """
        from localmodel_worker.aml.multi_dict import MultiDict
        from localmodel_worker.aml.multipart import parse_urlencoded

        return MultiDict(parse_urlencoded(self.query_string, _FIELDS_LIMIT))

    @functools.cached_property
    def _form(self) -> Form:
        from localmodel_worker.aml.header_values import split_value
        from localmodel_worker.aml.multipart import Form, parse_multipart, parse_urlencoded

        kind, parameters = split_value(self.content_type or "")
        if kind == "multipart/form-data":
            return parse_multipart(self._body, parameters.get("boundary", ""), _FIELDS_LIMIT)
        if kind == "application/x-www-form-urlencoded":
            return Form(parse_urlencoded(self._body, _FIELDS_LIMIT), [])
        return Form([], [])

    @functools.cached_property
    def form(self) -> MultiDict[str]:
        """The form's text fields, empty when the body is no form.

        Raises:
            BadRequestError: it is a broken one.
        """
        from localmodel_worker.aml.multi_dict import MultiDict

        return MultiDict(self._form.fields)

    @functools.cached_property
    def files(self) -> MultiDict[UploadedFile]:
        """The form's uploads by field; raises BadRequestError like form."""
        from localmodel_worker.aml.multi_dict import MultiDict

        return MultiDict((upload.name, upload) for upload in self._form.files)

    @functools.cached_property
    def values(self) -> MultiDict[str]:
        """args and, unless this is a GET, form together."""
        from localmodel_worker.aml.multi_dict import MultiDict

        return MultiDict(self.args.pairs() + ([] if self.method in ("GET", "HEAD") else self.form.pairs()))

    # Headers

    @functools.cached_property
    def headers(self) -> Headers:
        """The headers, names in any case."""
        from localmodel_worker.aml.header_map import request_headers

        return request_headers(self._sent_headers)

    @functools.cached_property
    def cookies(self) -> MultiDict[str]:
        """The cookies."""
        from localmodel_worker.aml.header_values import split_cookies
        from localmodel_worker.aml.multi_dict import MultiDict

        return MultiDict(split_cookies(self.headers.get("Cookie", "")))

    @property
    def content_type(self) -> Optional[str]:
        """The Content-Type header."""
        return self.headers.get("Content-Type")  # type: ignore[no-any-return]

    @property
    def mimetype(self) -> str:
        """The content type in lower case without parameters, empty when there is none."""
        return (self.content_type or "").partition(";")[0].strip().lower()

    @property
    def content_length(self) -> Optional[int]:
        """Bytes in the body; None when there is neither a body nor a Content-Length header."""
        return len(self._body) if self._body or "Content-Length" in self.headers else None

    # Address

    @property
    def host(self) -> str:
        """The Host header."""
        return self.headers.get("Host", "localhost")  # type: ignore[no-any-return]

    @functools.cached_property
    def path(self) -> str:
        """The path, percent signs decoded."""
        from urllib.parse import unquote_to_bytes

        return unquote_to_bytes(self._target_path.encode("latin-1", "replace")).decode(errors="replace")

    @property
    def query_string(self) -> bytes:
        """What follows the `?`, as sent."""
        return self._query.encode("latin-1", "replace")

    @property
    def full_path(self) -> str:
        """path, `?` and the query."""
        return f"{self.path}?{self._query}"

    @property
    def base_url(self) -> str:
        """The whole address without the query."""
        return f"{self.scheme}://{self.host}{self.path}"

    @property
    def url(self) -> str:
        """The whole address."""
        return f"{self.base_url}?{self._query}" if self._query else self.base_url

    @functools.cached_property
    def environ(self) -> Mapping[str, Any]:
        """The request as a WSGI environment, with which any WSGI framework's own request can be made."""
        from localmodel_worker.aml.wsgi_environment import wsgi_environment

        return wsgi_environment(self)
