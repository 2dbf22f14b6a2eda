"""Which requests are captured: exactly the share that the settings say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from localmodel_server.capture.capture import Capture
from localmodel_server.capture.exchange import Exchange
from localmodel_server.capture.record import line
from localmodel_server.capture.writer import Writer
from localmodel_server.configuration.capture import CaptureError, CaptureSettings, read_capture

WANTED = (
    '{"percent": 5, "keep": {"requests": 10, "megabytes": 2}, "answers": false, "redact": ["$.a"], '
    '"headers": ["X-User"]}'
)


@pytest.mark.parametrize("percent", [1, 5, 33, 50, 99, 100])
def test_the_share_is_exact(percent: int) -> None:
    capture = Capture(lambda result: None)
    settings = CaptureSettings(Path("/nowhere"), percent)
    chosen = [capture.chooses(settings) for _ in range(1000)]
    assert sum(chosen) == percent * 10
    assert chosen[0], "one who tries it sees the first request"


def test_the_chosen_are_spread_evenly() -> None:
    capture = Capture(lambda result: None)
    chosen = [capture.chooses(CaptureSettings(Path("/nowhere"), 10)) for _ in range(100)]
    assert all(sum(chosen[start : start + 10]) == 1 for start in range(0, 100, 10))


def test_what_waits_has_the_headers_that_are_kept_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting: list[Exchange] = []
    monkeypatch.setattr(Writer, "put", lambda writer, settings, exchange: waiting.append(exchange))
    needed = [(b"content-type", b"a/b"), (b"content-encoding", b"gzip")]
    many = [(b"ab", b"")] * 13_000
    user = (b"x-user", b"ada")
    exchange = Exchange(
        0.0,
        "id",
        ("1", ""),
        "azure",
        "POST",
        "/score",
        "",
        [*needed, user, *many],
        b"",
        200,
        [*needed, *many],
        b"",
        1.0,
    )
    assert exchange.size > len(many) * 2 * 50
    settings = CaptureSettings(Path("/nowhere"), 100, headers=frozenset({"x-user", "ü"}), redact=("$.a",))
    Capture(lambda result: None).take(settings, exchange)
    assert waiting == [exchange._replace(headers=[*needed, user], answer_headers=needed)]


@pytest.mark.parametrize(
    ("changes", "redact", "is_quick"),
    [
        ({}, (), True),
        ({"body": None, "answer": None}, (), True),
        ({}, ("$.a",), False),
        ({"body": b"0" * (1 << 17)}, (), False),
        ({"dialect": "mlflow", "headers": [(b"content-encoding", b"gzip")]}, (), False),
        ({"headers": [(b"content-encoding", b"gzip")]}, (), True),  # the script sees it as it is
    ],
)
def test_what_is_quickly_made_into_a_record_waits_as_one_and_all_else_for_the_thread(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], redact: tuple[str, ...], is_quick: bool
) -> None:
    waiting: list[Exchange | bytes] = []
    monkeypatch.setattr(Writer, "put", lambda writer, settings, kept: waiting.append(kept))
    exchange = Exchange(0.0, "id", ("1", ""), "azure", "POST", "/score", "", [], b"{}", 200, [], b"2", 1.0)
    settings = CaptureSettings(Path("/nowhere"), 100, redact=redact)
    exchange = exchange._replace(**changes)
    Capture(lambda result: None).take(settings, exchange)
    assert waiting == [line(exchange, settings, None) if is_quick else exchange]


def test_what_has_no_record_is_left_to_the_thread_and_costs_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting: list[Exchange | bytes] = []
    monkeypatch.setattr(Writer, "put", lambda writer, settings, kept: waiting.append(kept))
    exchange = Exchange(0.0, "\udc80", ("1", ""), "azure", "POST", "/score", "", [], b"{}", 200, [], b"2", 1.0)
    Capture(lambda result: None).take(CaptureSettings(Path("/nowhere"), 100), exchange)
    assert waiting == [exchange]


def test_the_settings_are_read_as_the_resource_has_them() -> None:
    read = read_capture({"LOCALMODEL_CAPTURE": WANTED, "LOCALMODEL_CAPTURE_FOLDER": "/a"})
    assert read == CaptureSettings(Path("/a"), 5, 10, 2 << 20, False, ("$.a",), frozenset({"x-user"}))


@pytest.mark.parametrize("text", ["", WANTED.replace("5", "0")])
def test_without_a_share_nothing_is_captured(text: str) -> None:
    assert read_capture({"LOCALMODEL_CAPTURE": text, "LOCALMODEL_CAPTURE_FOLDER": "/a"}) is None


@pytest.mark.parametrize(
    ("text", "folder", "why"),
    [
        ("{", "/a", "not JSON"),
        ("[]", "/a", "expected spec.capture"),
        ("{}", "/a", "expected spec.capture"),
        (WANTED, "", "LOCALMODEL_CAPTURE_FOLDER is not set"),
        (WANTED.replace("5", "101"), "/a", "percent is 101"),
        (WANTED.replace("$.a", "ssn"), "/a", "ssn: a path begins with $"),
        (WANTED.replace("$.a", "$.a[*"), "/a", "[*"),
    ],
)
def test_what_cannot_be_used_is_named(text: str, folder: str, why: str) -> None:
    with pytest.raises(CaptureError) as refused:
        read_capture({"LOCALMODEL_CAPTURE": text, "LOCALMODEL_CAPTURE_FOLDER": folder})
    assert why in str(refused.value)
