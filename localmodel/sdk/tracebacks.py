"""Finding the script's tracebacks in a deployment's log."""

import re
from collections.abc import Iterable

from localmodel_untrusted import json_text

_START = "Traceback (most recent call last):"
# Between the tracebacks of a chain of exceptions; each stands between empty lines.
_LINKS = ("The above exception was the direct cause", "During handling of the above exception")
# A line of the server's own, which may follow without an empty one.
_NEXT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z [A-Z]+ ")
_FAILURE = re.compile(r"revision '[^']*' does not serve: ")
# kubectl logs --prefix
_PREFIX = re.compile(r"^\[pod/[^\]]*\] ", re.MULTILINE)


def of_request(log: str, request_id: str) -> str:
    """What run() raised for the request, or "" when the log does not have it."""
    return _after(_lines(log), f"request {request_id}:") if request_id else ""


def of_load(log: str) -> str:
    """What the import, init() or the gate's requests of the last revision that failed raised, or ""."""
    lines = _lines(log)
    failures = [index for index, line in enumerate(lines) if _FAILURE.search(line)]
    # An older one's may have a traceback where the last one has none.
    return _after(lines[failures[-1] :], " does not serve: ") if failures else ""


def _lines(log: str) -> list[str]:
    lines: list[str] = []
    for line in _PREFIX.sub("", log).splitlines():
        lines.extend(_message(line) if line.startswith("{") else [line])
    return lines


def _message(line: str) -> Iterable[str]:
    """The text in a line of a JSON log, and an empty line: nothing of it goes on."""
    try:
        return [*str(json_text.parse_loosely(line.encode(errors="replace"))["message"]).splitlines(), ""]
    except (ValueError, KeyError, TypeError):
        return [line]


def _after(lines: list[str], mark: str) -> str:
    """The traceback below the last line with the mark."""
    for index in range(len(lines) - 2, -1, -1):
        if mark in lines[index] and lines[index + 1] == _START:
            return _block(lines[index + 1 :])
    return ""


def _block(lines: list[str]) -> str:
    """The lines up to the first empty one that does not lead to another exception of the chain."""
    end = 0
    while end < len(lines):
        follows = lines[end + 1] if end + 1 < len(lines) else ""
        is_link = lines[end].startswith(_LINKS)
        if _NEXT.match(lines[end]):
            break
        if not lines[end] and not follows.startswith(_LINKS) and not (end and lines[end - 1].startswith(_LINKS)):
            break
        end += 2 if is_link else 1
    return "\n".join(lines[:end]).rstrip()
