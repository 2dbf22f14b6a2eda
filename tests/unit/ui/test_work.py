"""Changes that are begun from the page, and how they end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from localmodel.ui import work
from localmodel.ui.work import Work


class Now:
    """A thread that does its work at once, when it is started."""

    def __init__(self, target: Callable[[], None], daemon: bool) -> None:
        self.start = target


def test_a_change_that_ends_with_a_fault_says_so_on_the_page_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "Thread", Now)

    def change(_: object) -> None:
        raise KeyError("revision")

    changes = Work()
    assert changes.begin("digits", "Going back", change)
    job = changes.of("digits")
    assert job is not None and job.ended and job.failed == "KeyError: 'revision'"
    assert changes.begin("digits", "Going back", lambda _: None), "the next one can begin"
