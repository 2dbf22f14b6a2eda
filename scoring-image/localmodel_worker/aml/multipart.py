"""The fields and files in the body of a form."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qsl

from localmodel_worker.aml.header_map import Headers
from localmodel_worker.aml.header_values import split_value
from localmodel_worker.aml.uploads import UploadedFile
from localmodel_worker.client_errors import BadRequestError

_LONGEST_BOUNDARY = 200
_LONGEST_PART_HEADER = 16 * 1024  # bytes
_AFTER_BOUNDARY = re.compile(rb"--|[ \t]*\r\n")
_FOLD = re.compile(rb"\r\n[ \t]+")


class Form(NamedTuple):
    """What a form holds, in its order."""

    fields: list[tuple[str, str]]
    files: list[UploadedFile]


def parse_urlencoded(body: bytes, limit: int) -> list[tuple[str, str]]:
    """The fields of a query or an urlencoded form.

    Raises:
        BadRequestError: for more than limit of them.
    """
    try:
        return parse_qsl(body.decode(errors="replace"), keep_blank_values=True, errors="replace", max_num_fields=limit)
    except ValueError as error:
        raise BadRequestError(f"more than {limit} fields") from error


def parse_multipart(body: bytes, boundary: str, limit: int) -> Form:
    """The fields and files of a `multipart/form-data` body, with the boundary of its content type.

    Raises:
        BadRequestError: it is not one, ends early, or has more than limit parts.
    """
    if not 0 < len(boundary) <= _LONGEST_BOUNDARY or not boundary.isascii():
        raise _unusable("its Content-Type header needs a boundary; let the HTTP client library set that header")
    delimiter = b"--" + boundary.encode()
    form = Form([], [])
    start, is_last = _first_part(body, delimiter)
    while not is_last:
        if len(form.fields) + len(form.files) == limit:
            raise _unusable(f"more than {limit} parts")
        end, next_start, is_last = _next_delimiter(body, b"\r\n" + delimiter, start)
        _add_part(form, body, start, end)
        start = next_start
    return form


def _first_part(body: bytes, delimiter: bytes) -> tuple[int, bool]:
    """Where the first part starts, and whether there is none; what precedes the delimiter is ignored."""
    after = _AFTER_BOUNDARY.match(body, len(delimiter)) if body.startswith(delimiter) else None
    if after:
        return after.end(), after.group() == b"--"
    _, start, is_last = _next_delimiter(body, b"\r\n" + delimiter, 0)
    return start, is_last


def _next_delimiter(body: bytes, delimiter: bytes, start: int) -> tuple[int, int, bool]:
    """Where the next delimiter line starts and ends, and whether it is the last."""
    at = body.find(delimiter, start)
    while at >= 0:
        # Content may hold a line that only begins like a delimiter.
        after = _AFTER_BOUNDARY.match(body, at + len(delimiter))
        if after:
            return at, after.end(), after.group() == b"--"
        at = body.find(delimiter, at + 1)
    raise _unusable("it ends before its closing boundary" if start else "its boundary line is nowhere in it")


def _add_part(form: Form, body: bytes, start: int, end: int) -> None:
    headers, content_start = _part_headers(body, start, end)
    disposition, parameters = split_value(headers.get("Content-Disposition", ""))
    name = parameters.get("name")
    if disposition != "form-data" or name is None:
        raise _unusable('each part needs a header Content-Disposition: form-data; name="..."')
    content = body[content_start:end]
    if "filename" in parameters:
        form.files.append(UploadedFile(name, parameters["filename"], headers, content))
    else:
        form.fields.append((name, content.decode(errors="replace")))


def _part_headers(body: bytes, start: int, end: int) -> tuple[Headers, int]:
    """The headers of the part in body[start:end], and where its content starts."""
    header_end = body.find(b"\r\n\r\n", start, min(end, start + _LONGEST_PART_HEADER))
    if header_end < 0:
        raise _unusable(f"a part has no blank line after its headers, or over {_LONGEST_PART_HEADER} bytes of them")
    pairs = []
    for line in _FOLD.sub(b" ", body[start:header_end]).split(b"\r\n"):
        name, colon, value = line.decode(errors="replace").partition(":")
        if not colon:
            raise _unusable(f"{name[:100]!r} is not a part's header")
        pairs.append((name.strip(), value.strip()))
    return Headers(pairs), header_end + 4


def _unusable(reason: str) -> BadRequestError:
    return BadRequestError(f"the request's body is not usable multipart/form-data: {reason}")
