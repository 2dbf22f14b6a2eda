"""The record of one request: what stands in it, and what is said of what does not."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

from localmodel_server.capture.exchange import LONGEST, Exchange, short
from localmodel_server.capture.record import line
from localmodel_server.configuration.capture import CaptureSettings

SETTINGS = CaptureSettings(Path("/nowhere"), percent=100)
EXCHANGE = Exchange(
    time=1_700_000_000.25,
    request_id="a-1",
    origin=("3", "digits:1@sha256:0"),
    dialect="azure",
    method="POST",
    path="/score",
    query="",
    headers=[(b"content-type", b"application/json"), (b"x-user", b"ada"), (b"authorization", b"Bearer key")],
    body=b'{"data": [1.50]}',
    status=200,
    answer_headers=[(b"content-type", b"application/json")],
    answer=b"[2]",
    milliseconds=1.23456,
)


def record(settings: CaptureSettings = SETTINGS, **changes: Any) -> dict[str, Any]:
    written = line(EXCHANGE._replace(**changes), settings, None)
    assert written.endswith(b"\n")
    assert written.count(b"\n") == 1
    return dict(json.loads(written))


def test_a_record_has_the_request_and_the_answer_as_they_were_sent() -> None:
    assert record() == {
        "id": "a-1",
        "time": "2023-11-14T22:13:20.250000+00:00",
        "revision": "3",
        "models": "digits:1@sha256:0",
        "dialect": "azure",
        "method": "POST",
        "path": "/score",
        "query": "",
        "headers": {"content-type": "application/json"},
        "body": '{"data": [1.50]}',
        "status": 200,
        "answer_type": "application/json",
        "answer": "[2]",
        "ms": 1.235,
    }


def test_headers_are_kept_that_the_settings_name_and_no_others() -> None:
    kept = record(CaptureSettings(Path("/nowhere"), 100, headers=frozenset({"x-user"})))
    assert kept["headers"] == {"content-type": "application/json", "x-user": "ada"}


def test_answers_can_be_left_out() -> None:
    kept = record(CaptureSettings(Path("/nowhere"), 100, answers=False))
    assert "answer" not in kept
    assert kept["status"] == 200
    assert "left_out" not in kept


def test_what_is_no_text_is_in_base64() -> None:
    kept = record(body=b"\xff\x00")
    assert base64.b64decode(kept["body_base64"]) == b"\xff\x00"
    assert "body" not in kept


def test_what_is_too_long_is_left_out_and_the_record_says_so() -> None:
    kept = record(body=short(b"a" * (LONGEST + 1)), answer=short(b"a" * LONGEST))
    assert "body" not in kept
    assert len(kept["answer"]) == LONGEST
    assert list(kept["left_out"]) == ["body"]
    assert str(LONGEST) in kept["left_out"]["body"]


def test_compressed_bodies_of_other_dialects_are_kept_as_the_script_sees_them() -> None:
    headers = [(b"content-encoding", b"gzip")]
    kept = record(
        dialect="mlflow", headers=headers, body=gzip.compress(b"{}"), answer_headers=headers, answer=b"not it"
    )
    assert kept["body"] == "{}"
    assert "answer" in kept["left_out"]


def test_a_body_that_grows_too_long_when_inflated_is_left_out() -> None:
    kept = record(dialect="mlflow", headers=[(b"content-encoding", b"gzip")], body=gzip.compress(b"0" * (LONGEST + 1)))
    assert "body" in kept["left_out"]
