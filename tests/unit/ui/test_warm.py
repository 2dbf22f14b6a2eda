"""A revision that is loaded to be asked is ended when it takes too long, and the last few stay."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from types import SimpleNamespace
from typing import Any, cast

import pytest

from localmodel import UserError
from localmodel.targets.target import Target
from localmodel.trial.worker import WorkerDiedError
from localmodel.ui.request import warm
from localmodel.ui.request.warm import Warm


class Worker:
    """Stands for a trial's worker: `b"hang"` gets no answer until it is killed."""

    made: list[Worker]

    def __init__(self, trial: str, unattended: bool) -> None:
        self.trial, self.ended, self.closed = trial, Event(), False
        self.asked = Event()  # to hang
        assert unattended
        Worker.made.append(self)

    def load(self) -> float:
        return 0.0

    def ask(self, request: str, body: bytes) -> Any:
        if body == b"hang":
            self.asked.set()
            assert self.ended.wait(60)
            raise WorkerDiedError("the worker process died (SIGKILL)")
        return SimpleNamespace(status=200, body=f"{self.trial} {request}".encode())

    def kill(self) -> None:
        self.ended.set()

    def close(self) -> None:
        self.closed = True
        self.ended.set()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Warm:
    Worker.made = []
    monkeypatch.setattr(warm, "TrialWorker", Worker)
    monkeypatch.setattr(warm.past, "of", lambda target, name, number: f"{name}:{number}")
    monkeypatch.setattr(warm.kept, "trial", lambda content, folder, progress: content)
    return Warm(cast(Target, None))


def test_a_revision_is_loaded_once_and_the_last_two_stay(asked: Warm) -> None:
    bodies = [asked.ask("digits", number, "", b"1").body for number in (1, 1, 2, 1, 3, 1)]
    pages = [f"digits:{number} page-{count}" for number, count in ((1, 1), (1, 2), (2, 1), (1, 3), (3, 1), (1, 4))]
    assert [body.decode() for body in bodies] == pages
    assert [(worker.trial, worker.closed) for worker in Worker.made] == [
        ("digits:1", False),
        ("digits:2", True),
        ("digits:3", False),
    ]


def test_a_deployment_that_is_made_anew_has_other_revisions(asked: Warm) -> None:
    assert asked.ask("digits", 1, "yesterday", b"1").body == asked.ask("digits", 1, "today", b"1").body
    assert len(Worker.made) == 2


def test_what_takes_too_long_is_ended_and_loaded_anew(asked: Warm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "_SECONDS", 0.01)
    with pytest.raises(UserError, match="revision 1: no answer within"):
        asked.ask("digits", 1, "", b"hang")
    monkeypatch.setattr(warm, "_SECONDS", 60)
    assert asked.ask("digits", 1, "", b"1").body == b"digits:1 page-1" and len(Worker.made) == 2


def test_what_nobody_asks_any_more_is_ended(asked: Warm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "_IDLE_SECONDS", 0.01)
    asked.ask("digits", 1, "", b"1")
    assert Worker.made[0].ended.wait(60)
    assert asked.ask("digits", 1, "", b"1").body == b"digits:1 page-1" and len(Worker.made) == 2


def test_what_is_asked_at_the_moment_is_not_idle(asked: Warm, monkeypatch: pytest.MonkeyPatch) -> None:
    asked.ask("digits", 1, "", b"1")
    monkeypatch.setattr(warm, "_IDLE_SECONDS", 0.0)
    with ThreadPoolExecutor(1) as other:
        hanging = other.submit(asked.ask, "digits", 1, "", b"hang")
        assert Worker.made[0].asked.wait(60)
        asked._end_idle()
        assert not Worker.made[0].closed
        Worker.made[0].kill()
        assert isinstance(hanging.exception(60), UserError)
