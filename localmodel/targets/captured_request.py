"""A captured request, from the line that a server has written of it, or that somebody else has."""

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from localmodel.output import notices
from localmodel.output.printable import one_line
from localmodel_untrusted.files import UnreadableError
from localmodel_untrusted.json_text import parse

_TEXTS = ("id", "revision", "models", "dialect", "method", "path", "query", "answer_type")
_NOT_TIMES = "time is not a valid time with a time zone, or ms is not a valid number of milliseconds"


@dataclass(frozen=True)
class CapturedRequest:
    """A request that a deployment has answered, with its answer.

    Attributes:
        id: its `x-request-id`.
        time: when it came, in UTC.
        revision: what answered.
        models: the models that answered, as in the answer's headers.
        dialect: `azure` for `/score`, or the other protocol's name.
        method: `POST` or `GET`.
        path: where it was sent.
        query: the parameters in its address.
        headers: those that are kept, with names in lower case.
        body: what was sent; None if it is left out.
        status: of the answer; 499 if the client had left.
        answer: what was answered; None if it is left out.
        answer_type: the answer's content type.
        milliseconds: from the request to the answer.
        left_out: what is left out though it would be there, and why.
    """

    id: str
    time: datetime
    revision: str
    models: str
    dialect: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes | None
    status: int
    answer: bytes | None
    answer_type: str
    milliseconds: float
    left_out: Mapping[str, str]
    _line: bytes = field(repr=False, compare=False)

    def _row(self) -> dict[str, str]:
        return {
            "time": self.time.isoformat(timespec="seconds"),
            "id": self.id,
            "revision": self.revision,
            "request": f"{self.method} {self.path}",
            "status": str(self.status),
            "ms": f"{self.milliseconds:.1f}",
        }


def of_lines(lines: Iterable[bytes], place: str) -> list[CapturedRequest]:
    """The requests. A line that is not one is left out with a notice that names the place."""
    requests: list[CapturedRequest] = []
    wrong: list[str] = []
    for line in lines:
        try:
            requests.append(of_line(line))
        except UnreadableError as error:
            wrong.append(str(error))
    if wrong:
        what = "a line is not a valid captured request and is"
        if len(wrong) > 1:
            what = f"{len(wrong)} lines are not valid captured requests and are"
        notices.log.warning("%s: %s left out: %s", place, what, one_line(wrong[0]))
    return requests


def of_line(line: bytes) -> CapturedRequest:
    """The request.

    Raises:
        UnreadableError
    """
    record = parse(line)
    if not isinstance(record, dict):
        raise UnreadableError("it is not an object")
    texts = {name: _field(record, name, str) for name in _TEXTS}
    time, milliseconds = _times(_field(record, "time", str), _field(record, "ms", (int, float)))
    return CapturedRequest(
        **texts,
        time=time,
        headers=_texts(record, "headers"),
        body=_content(record, "body"),
        status=_field(record, "status", int),
        answer=_content(record, "answer"),
        milliseconds=milliseconds,
        left_out=_texts(record, "left_out") if "left_out" in record else {},
        _line=line,
    )


def _field(record: Mapping[str, Any], name: str, kind: type | tuple[type, ...]) -> Any:
    value = record.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise UnreadableError(f"{name} is missing" if value is None else f"{name} is not of the right type")
    return value


def _texts(record: Mapping[str, Any], name: str) -> Mapping[str, str]:
    texts: Mapping[str, str] = _field(record, name, dict)
    if not all(isinstance(text, str) for text in texts.values()):
        raise UnreadableError(f"{name} is not of the right type")
    return texts


def _content(record: Mapping[str, Any], name: str) -> bytes | None:
    encoded = f"{name}_base64"
    if encoded not in record:
        return _field(record, name, str).encode() if name in record else None
    try:
        return base64.b64decode(_field(record, encoded, str), validate=True)
    except (binascii.Error, ValueError):
        raise UnreadableError(f"{encoded} is not base64") from None


def _times(text: str, milliseconds: float) -> tuple[datetime, float]:
    """The time of the request, and how many milliseconds its answer took."""
    try:
        time, milliseconds = datetime.fromisoformat(text), float(milliseconds)
        ends = time + timedelta(milliseconds=milliseconds)
    except (ValueError, OverflowError):
        raise UnreadableError(_NOT_TIMES) from None
    if time.utcoffset() is None or ends < time:
        raise UnreadableError(_NOT_TIMES)
    return time, milliseconds
