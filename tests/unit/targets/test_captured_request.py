"""A captured request from its line, and lines that are something else."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from support.captured import RECORD, captured_line

from localmodel.targets import captured_request
from localmodel_untrusted.files import UnreadableError


def test_a_request_has_what_its_line_has() -> None:
    request = captured_request.of_line(captured_line(body=None, body_base64="/w==", left_out={"answer": "too long"}))
    assert (request.id, request.revision, request.status, request.milliseconds) == ("a-1", "3", 200, 1.5)
    assert request.time == datetime(2026, 1, 1, 0, 0, 0, 250_000, UTC)
    assert (request.body, request.answer) == (b"\xff", b"[2]")
    assert request.left_out == {"answer": "too long"}
    assert captured_request.of_line(captured_line(answer=None)).answer is None


@pytest.mark.parametrize(
    "changes",
    [
        *({name: None} for name in RECORD if name not in ("body", "answer")),
        *({name: [1]} for name in RECORD),
        {"status": True},
        {"status": 200.5},
        {"ms": -1},
        {"ms": 1e300},
        {"ms": 10**400},
        {"time": "yesterday"},
        {"time": "2026-01-01T00:00:00"},
        {"time": "9999-12-31T23:59:59.999999+00:00"},
        {"headers": {"a": 1}},
        {"left_out": []},
        {"left_out": {"body": 1}},
        {"body_base64": "not base64"},
        {"answer_base64": "ü"},
    ],
    ids=str,
)
def test_a_line_that_is_not_a_request_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UnreadableError):
        captured_request.of_line(captured_line(**changes))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"1",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"NaN",
        b"9" * 5000,
        captured_line()[:-5],
        captured_line(body=None).replace(b"a-1", rb"\ud800"),
    ],
    ids=lambda line: str(line[:9]),
)
def test_no_line_is_more_than_refused(line: bytes) -> None:
    with pytest.raises(UnreadableError):
        captured_request.of_line(line)


def test_what_is_left_out_is_told_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    lines = [captured_line(id="first"), json.dumps({"\x1b[31m\n": 1}).encode(), b"{}", captured_line(id="last")]
    with caplog.at_level(logging.WARNING):
        requests = captured_request.of_lines(lines, "pod a")
    assert [request.id for request in requests] == ["first", "last"]
    (message,) = caplog.messages
    assert message == "pod a: 2 lines are not valid captured requests and are left out: id is missing"
