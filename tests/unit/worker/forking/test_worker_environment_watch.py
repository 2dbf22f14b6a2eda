"""What is noticed of the variables that code reads and sets."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from localmodel_worker.forking.environment_watch import Changes, Reads


@pytest.mark.parametrize(
    "read",
    [
        lambda: os.environ["VISIBLE"],
        lambda: os.environ.get("VISIBLE"),
        lambda: os.getenv("VISIBLE"),
        lambda: "VISIBLE" in os.environ,
        lambda: os.environ.setdefault("VISIBLE", "x"),
        lambda: os.environb[b"VISIBLE"],
        lambda: os.environ.pop("VISIBLE"),
    ],
)
def test_reads_by_name(monkeypatch: pytest.MonkeyPatch, read: Callable[[], object]) -> None:
    monkeypatch.setenv("VISIBLE", "1")
    reads = Reads()
    with reads:
        read()
    assert reads.names == {"VISIBLE": "test_worker_environment_watch"}
    assert reads.all_by == ""


def test_a_variable_that_is_not_there_is_read_as_well() -> None:
    reads = Reads()
    with reads:
        assert os.environ.get("NOT_THERE") is None
    assert "NOT_THERE" in reads.names


@pytest.mark.parametrize(
    "read",
    [
        lambda: dict(os.environ),
        lambda: os.environ.copy(),
        lambda: [name for name, value in os.environ.items() if value == "1"],
        lambda: {**os.environ},
        lambda: [name for name in os.environ if os.environ[name] == "1"],
    ],
)
def test_reads_of_all(monkeypatch: pytest.MonkeyPatch, read: Callable[[], object]) -> None:
    monkeypatch.setenv("VISIBLE", "1")
    reads = Reads()
    with reads:
        assert "VISIBLE" in read()  # type: ignore[operator]
    assert reads.names == {}
    assert reads.all_by == "test_worker_environment_watch"


def test_nothing_is_noticed_afterwards() -> None:
    reads = Reads()
    with reads:
        pass
    os.environ.get("LATER")
    dict(os.environ)
    assert (reads.names, reads.all_by) == ({}, "")


def test_changes_are_told_before_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAME", "1")
    monkeypatch.setenv("GONE", "1")
    monkeypatch.setenv("NEW", "0")
    told: list[tuple[str, str | None]] = []
    with Changes(lambda name: told.append((name, os.environ.get(name)))):
        os.environ["SAME"] = "1"
        os.environ["NEW"] = "2"
        os.environ.update(NEW="3")
        os.environb[b"NEW"] = b"4"
        del os.environ["GONE"]
        with pytest.raises(TypeError):
            os.environ["NEW"] = 1  # type: ignore[assignment]
    os.environ["NEW"] = "5"
    assert told[:4] == [("NEW", "0"), ("NEW", "2"), ("NEW", "3"), ("GONE", "1")]
    assert os.environ["NEW"] == "5"
