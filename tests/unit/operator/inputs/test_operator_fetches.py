"""Fetches in the background: which are ended, which are tried again, and what is shown meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.reasons import Reason
from localmodel_operator.inputs import fetches
from localmodel_operator.inputs.fetch import Request
from localmodel_operator.inputs.fetches import Fetches, Fetching, Shown

OWNER, OTHER = ("team", "app"), ("team", "other")
REQUEST = Request("store", "churn", "https://h/churn.pkl", "", {})


class Place:
    """What fetches are led to: each waits until it is answered."""

    def __init__(self) -> None:
        self.begun = 0
        self.ended = 0
        self.answers: asyncio.Queue[int | Exception] = asyncio.Queue()
        self.show: Shown = lambda done, total: None
        self.news = 0
        self.fetches = Fetches(self.run)

    async def run(self, request: Request, show: Shown) -> int:
        self.begun += 1
        self.show = show
        try:
            answer = await self.answers.get()
        except asyncio.CancelledError:
            self.ended += 1
            raise
        if isinstance(answer, Exception):
            raise answer
        return answer

    def ask(self, wish: str, owner: tuple[str, str] = OWNER) -> int | Fetching | UserError:
        """What a pass over the owner gets, which wants only this."""
        self.fetches.want(owner, [wish])
        try:
            return self.fetches.version(wish, REQUEST, "https://h/churn.pkl", owner, self.done)
        except (Fetching, UserError) as outcome:
            return outcome

    def done(self) -> None:
        self.news += 1

    async def answer(self, answer: int | Exception) -> None:
        await self.answers.put(answer)
        await self.settle()

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)


def failure(reason: Reason) -> UserError:
    return UserError(reason, "https://h/churn.pkl: it does not work")


async def test_a_wish_is_fetched_once_and_its_end_is_news() -> None:
    place = Place()
    assert isinstance(place.ask("a"), Fetching)
    await place.settle()
    assert isinstance(place.ask("a"), Fetching) and place.begun == 1 and place.news == 0
    await place.answer(7)
    assert (place.ask("a"), place.ask("a"), place.begun, place.news) == (7, 7, 1, 1)


async def test_what_nobody_waits_for_any_more_is_ended() -> None:
    place = Place()
    place.ask("a")
    await place.settle()
    place.ask("b")  # an edit
    await place.settle()
    assert (place.begun, place.ended) == (2, 1)
    place.fetches.want(OWNER)  # it was deleted
    await place.settle()
    assert place.ended == 2


async def test_resources_do_not_end_what_others_wait_for() -> None:
    place = Place()
    place.ask("a")
    place.ask("a", OTHER)
    await place.settle()
    place.fetches.want(OWNER)
    await place.answer(7)
    assert (place.ask("a", OTHER), place.begun, place.ended) == (7, 1, 0)


async def test_figures_are_news_every_few_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter((101.0, 103.0, 107.0))
    place = Place()
    place.ask("a")
    await place.settle()
    monkeypatch.setattr(fetches.time, "monotonic", lambda: next(times, 107.0))
    for done in (1_000_000, 2_000_000, 9_000_000):
        place.show(done, 50_000_000)
    assert place.news == 2
    outcome = place.ask("a")
    assert isinstance(outcome, Fetching)
    assert outcome.detail == "https://h/churn.pkl is being fetched: 9 MB of 50 MB"
    assert str(outcome) == "https://h/churn.pkl is being fetched"  # no Event for each figure


async def test_what_may_pass_is_tried_again_later_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(fetches.time, "monotonic", lambda: now)
    place, waits = Place(), []
    for _ in range(3):
        place.ask("a")
        await place.settle()
        await place.answer(failure(reasons.ADDRESS_UNREACHABLE))
        outcome = place.ask("a")
        assert isinstance(outcome, Fetching) and outcome.again_after
        assert "it does not work; it is tried again" in str(outcome)
        waits.append(outcome.again_after)
        now += outcome.again_after
    assert waits == [5.0, 10.0, 20.0] and place.begun == 3


@pytest.mark.parametrize("reason", [reasons.ADDRESS_REFUSED, reasons.ADDRESS_NOT_FOUND, reasons.DIGEST_MISMATCH])
async def test_what_somebody_has_to_mend_is_an_error_for_a_while(
    monkeypatch: pytest.MonkeyPatch, reason: Reason
) -> None:
    now = 100.0
    monkeypatch.setattr(fetches.time, "monotonic", lambda: now)
    place = Place()
    place.ask("a")
    await place.settle()
    await place.answer(failure(reason))
    now += 299
    outcome = place.ask("a")
    assert isinstance(outcome, UserError) and outcome.reason == reason and place.begun == 1
    assert isinstance(place.ask("edited"), Fetching)
    now += 2
    assert isinstance(place.ask("a"), Fetching)


async def test_what_nobody_foresaw_says_nothing_of_its_text() -> None:
    place = Place()
    place.ask("a")
    await place.settle()
    await place.answer(ValueError("https://me:secret@h/churn.pkl"))
    assert "secret" not in str(place.ask("a"))
