"""Requests with two answers of what serves, as JSON that goes from one server to another."""

from __future__ import annotations

import base64
import json
from collections import Counter
from typing import Any, NamedTuple

from localmodel_server.replay.requests import Request
from localmodel_untrusted import repeatable
from localmodel_untrusted.answer_difference import Answer
from localmodel_untrusted.files import UnreadableError
from localmodel_untrusted.json_text import parse

MOST_BYTES = 4 << 20  # of the JSON, which is what an operator reads of a pod's answer
_ROOM = MOST_BYTES - (64 << 10)


class Answered(NamedTuple):
    """A request, and how what serves answers it the first time and again. Answers may have its id in them, `called`."""

    called: str
    request: Request
    first: Answer
    again: Answer

    @property
    def size(self) -> int:
        """The bytes of what was sent and answered."""
        return len(self.request.body) + len(self.first.body) + len(self.again.body)


class Collection:
    """Answers, as an object that `read()` reads, of at most MOST_BYTES: what does not fit is counted as left out."""

    def __init__(self) -> None:
        self.left_out = Counter[str]()
        self._objects: list[dict[str, Any]] = []
        self._room = _ROOM

    def add(self, one: Answered) -> None:
        """Add an answer; this takes time if it is long."""
        size = len(json.dumps(_as_object(one))) + 2 if one.size <= self._room else self._room + 1
        if size > self._room:
            self.left_out["there was no room for its answers"] += 1
        else:
            self._room -= size
            self._objects.append(_as_object(one))

    def as_json(self) -> dict[str, Any]:
        """The object."""
        return {"answered": self._objects, "left_out": dict(self.left_out)}


def read(text: bytes) -> tuple[list[Answered], Counter[str]]:
    """What a `Collection` has, and what it has counted.

    Raises:
        UnreadableError: it is something else.
    """
    value: Any = parse(text)
    try:
        left_out = Counter({str(why): int(count) for why, count in value["left_out"].items()})
        return [_read(each) for each in value["answered"]], left_out
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnreadableError(f"expected answers to captured requests: {type(error).__name__}: {error}") from None


def _as_object(one: Answered) -> dict[str, Any]:
    request = one.request
    return {
        "called": one.called,
        "method": request.method,
        "path": request.path,
        "content_type": request.content_type,
        "body": _text(request.body),
        **{name: [answer.status, _text(answer.body)] for name, answer in (("first", one.first), ("again", one.again))},
    }


def _read(each: Any) -> Answered:
    request = Request(each["method"], each["path"], _bytes(each["body"]), each["content_type"])
    if request.method not in ("GET", "POST") or not repeatable.is_sendable(request.path, request.content_type):
        raise ValueError("a request is not one that a client can send")
    return Answered(str(each["called"]), request, *(_answer(*each[name]) for name in ("first", "again")))


def _answer(status: Any, body: Any) -> Answer:
    return Answer(int(status), _bytes(body), 0.0)


def _text(body: bytes) -> str:
    return base64.b64encode(body).decode()


def _bytes(text: Any) -> bytes:
    return base64.b64decode(text, validate=True)
