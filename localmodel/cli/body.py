"""The bodies of requests that a command sends: a text, a file, a pipe of the shell (`<(...)`), or standard input."""

import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

import click

from localmodel.cli import csv_rows
from localmodel.cli.terminal.output import Failure
from localmodel.errors import UserError
from localmodel.targets import http
from localmodel_untrusted import json_text
from localmodel_untrusted.files import UnreadableError, read_file

_MOST_BYTES = 1 << 30
_JSON = "application/json"
_LINES = (".jsonl", ".ndjson")


def _header(context: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
    if text is not None and not (text.isascii() and text.isprintable() and text.strip()):
        raise click.BadParameter(f"{text!r} is not a content type, such as image/png", context, parameter)
    return text


data_option = click.option("--data", help="The request's body, or @FILE as --request FILE.")
request_option = click.option(
    "--request",
    type=click.Path(exists=True, dir_okay=False, path_type=Path, allow_dash=True),
    help="File with the request's body ('-': standard input). Of a .jsonl or .ndjson file each line is a request; "
    "a .csv file is sent as JSON, in the form that the deployment's schema has.",
)
content_type_option = click.option(
    "--content-type",
    callback=_header,
    help="What the body is: image/png, for example; it is then sent as it is. Default: application/json.",
)


def read(path: Path) -> bytes:
    """
    Raises:
        Failure: it cannot be read.
    """
    if str(path) == "-":
        return sys.stdin.buffer.read()
    try:
        content = read_file(path, _MOST_BYTES, piped=True)
    except UnreadableError as error:
        raise Failure(f"{path}: cannot be read: {error}") from None
    if content is None:
        raise Failure(f"{path}: no such file")
    return content


def requests(
    data: str | None, path: Path | None, content_type: str | None, example: Callable[[], object]
) -> list[tuple[bytes, str]]:
    """Bodies with their content types, as the options say. `example` gives that of the deployment's schema, or None.

    Raises:
        Failure: as read(), or the file holds no request.
    """
    if data is not None and not data.startswith("@"):
        return [(data.encode(), content_type or _JSON)]
    path = path or Path((data or "")[1:])
    content = read(path)
    if content_type is not None:
        return [(content, content_type)]
    if path.suffix in _LINES:
        requests = [(line, _JSON) for line in content.splitlines() if line.strip()]
        if not requests:
            raise Failure(f"{path}: there is no line with a request in it")
        return requests
    if path.suffix == ".csv":
        return [(_of_csv(path, content, example()), _JSON)]
    return [(content, _JSON)]


def example(url: str) -> object:
    """A body of the deployment's schema, as its /swagger.json has it; None without one."""
    try:
        document = json_text.parse(http.request(urljoin(url, "swagger.json"), timeout=5).body)
    except (UserError, UnreadableError):
        return None
    for name in ("definitions", "ServiceInput", "example"):
        document = document.get(name) if isinstance(document, dict) else None
    return document


def _of_csv(path: Path, content: bytes, form: object) -> bytes:
    try:
        return csv_rows.body(content.decode("utf-8-sig"), form)
    except (UnicodeDecodeError, csv_rows.NotATableError) as error:
        raise Failure(f"{path}: is not CSV in UTF-8: {error}") from None
