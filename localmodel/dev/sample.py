"""The sample request that is sent after each update, and how its answers differ."""

import difflib
import json
import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localmodel.targets import http
from localmodel_untrusted import json_text
from localmodel_untrusted.files import UnreadableError, read_file

_MOST_LINES = 12
_LONGEST_LINE = 160
_LONGEST_VALUE = 100
_TIMEOUT = 60.0
_MOST_BYTES = 1 << 30


@dataclass(frozen=True)
class Reply:
    """An answer. `raised` is the request's id if run() raised an exception, which is in the log; else ""."""

    status: int
    body: bytes
    raised: str = ""


def ask(url: str, request: Path) -> Reply | None:
    """The answer to the file's content, or None if there is no file.

    Raises:
        UserError: Unreachable.
    """
    try:
        body = read_file(request, _MOST_BYTES)
    except UnreadableError:
        return None
    if body is None:
        return None
    answer = http.request(url, body, _TIMEOUT, mimetypes.guess_type(request)[0] or "application/json")
    raised = answer.headers.get("x-ms-run-function-failed") == "True"
    return Reply(answer.status, answer.body, answer.headers.get("x-request-id", "") if raised else "")


def difference(before: Reply, after: Reply) -> list[str]:
    """The lines that differ, `- ` before and `+ ` after the update; none if the answers are equal."""
    if (before.status, before.body) == (after.status, after.body):
        return []
    compared = difflib.unified_diff(_lines(before), _lines(after), n=0, lineterm="")
    lines = [f"{line[0]} {line[1:]}" for line in list(compared)[2:] if not line.startswith("@@")]
    return _short(lines) or ["only the spaces between its values"]


def words(reply: Reply) -> list[str]:
    """The answer in a few lines."""
    return _short(_lines(reply))


def _lines(reply: Reply) -> list[str]:
    status = [f"status {reply.status}"] if reply.status != 200 else []
    try:
        return [*status, *_split(json_text.parse_loosely(reply.body))]
    except (UnreadableError, RecursionError):
        if not _is_text(reply.body):
            return [*status, f"{len(reply.body)} bytes"]
        return [*status, *reply.body.decode().splitlines()]


def _split(value: Any, indent: str = "", name: str = "") -> Iterator[str]:
    """The value in one line if it is short, otherwise its items in lines of their own."""
    text = json.dumps(value, ensure_ascii=False)
    if len(text) <= _LONGEST_VALUE or not isinstance(value, dict | list):
        yield f"{indent}{name}{text}"
        return
    pairs = value.items() if isinstance(value, dict) else ((None, item) for item in value)
    yield f"{indent}{name}{text[0]}"
    for key, item in pairs:
        yield from _split(item, f"{indent}  ", "" if key is None else f"{json.dumps(key, ensure_ascii=False)}: ")
    yield f"{indent}{text[-1]}"


def _is_text(body: bytes) -> bool:
    try:
        return all(line.isprintable() for line in body.decode().expandtabs().splitlines())
    except UnicodeDecodeError:
        return False


def _short(lines: list[str]) -> list[str]:
    cut = [line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…" for line in lines[:_MOST_LINES]]
    return [*cut, f"… and {len(lines) - _MOST_LINES} lines more"] if len(lines) > _MOST_LINES else cut
