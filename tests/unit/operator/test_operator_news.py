"""What of a watch's events has resources looked at, and how soon."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from localmodel_operator.news import News
from localmodel_operator.passes import at_rest
from localmodel_operator.workqueue import Key, WorkQueue

APP = ("team", "app")


class Queue:
    """What becomes of a key: `now`, `soon`, `later`, or in an hour."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def overtake(self, _: Key) -> None:
        self.told.append("now")

    def add(self, _: Key) -> None:
        self.told.append("soon")

    def look_again(self, _: Key) -> None:
        self.told.append("later")

    def add_after(self, delay: float, _: Key) -> None:
        assert 0 <= delay <= 3600
        self.told.append("in an hour")


@pytest.fixture(name="queue")
def given_queue(monkeypatch: pytest.MonkeyPatch) -> Queue:
    monkeypatch.setattr(at_rest, "is_at_rest", lambda owner: owner["spec"].get("rests", False))
    return Queue()


@pytest.fixture(name="news")
def given_news(queue: Queue) -> News:
    return News(cast(WorkQueue, queue))


def resource(generation: int = 1, observed: int | None = 1, rests: bool = False, **metadata: Any) -> dict[str, Any]:
    status = {} if observed is None else {"status": {"observedGeneration": observed}}
    return {"metadata": {"uid": "1", "generation": generation, **metadata}, "spec": {"rests": rests}, **status}


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        (resource(), "later"),
        (resource(observed=None), "now"),
        (resource(generation=2), "now"),
        (resource(deletionTimestamp="2026-01-01T00:00:00Z"), "now"),
        (resource(rests=True), "in an hour"),
    ],
    ids=["seen", "new", "edited", "in deletion", "at rest"],
)
def test_of_what_a_start_lists_only_edits_are_news(news: News, queue: Queue, listed: dict[str, Any], told: str) -> None:
    news.of_resource(APP, None, listed)
    assert queue.told == [told]


def test_an_edit_overtakes_and_a_status_that_was_written_does_not(news: News, queue: Queue) -> None:
    news.of_resource(APP, None, resource())
    news.of_resource(APP, "MODIFIED", resource(generation=2))
    news.of_resource(APP, "MODIFIED", resource(generation=2, observed=2))
    news.of_resource(APP, "MODIFIED", resource(2, 2, annotations={"localmodel.dev/serve-revision": "1"}))
    news.of_resource(APP, "DELETED", resource(2, 2))
    news.of_resource(APP, "ADDED", resource(1, None))
    assert queue.told == ["later", "now", "soon", "now", "now", "now"]


def test_one_at_rest_is_looked_at_for_an_edit_and_for_what_happens_to_its_children(news: News, queue: Queue) -> None:
    news.of_resource(APP, None, resource(rests=True))
    news.of_resource(APP, "MODIFIED", resource(rests=True, labels={"a": "b"}))
    assert queue.told == ["in an hour"]
    news.of_child(APP, "MODIFIED")
    news.of_resource(APP, "MODIFIED", resource(generation=2))
    assert queue.told == ["in an hour", "soon", "now"]


def test_children_that_a_start_lists_are_looked_at_with_their_owner(news: News, queue: Queue) -> None:
    news.of_child(APP, None)
    assert queue.told == []
    news.of_resource(APP, None, resource(rests=True))
    news.of_child(APP, None)
    assert queue.told == ["in an hour"]
    news.of_child(APP, None, "Pod")  # none is wanted
    assert queue.told == ["in an hour", "later"]


def test_children_that_are_listed_anew_may_have_changed_unseen(news: News, queue: Queue) -> None:
    news.of_resource(APP, None, resource())
    news.of_child(APP, None)
    assert queue.told == ["later", "later"]


async def test_the_first_list_of_resources_has_an_end(news: News) -> None:
    other = {**resource(), "metadata": {**resource()["metadata"], "namespace": "team", "name": "other"}}
    news.of_first_list([listed(), other])
    waiting = asyncio.create_task(news.have_been_shown())
    news.of_resource(APP, "MODIFIED", resource())
    news.of_resource(APP, None, resource())
    await asyncio.sleep(0)
    assert not waiting.done(), "one of two was listed"
    news.of_resource(("team", "other"), None, resource())
    await asyncio.wait_for(waiting, 60)


async def test_where_there_are_no_resources_no_list_is_waited_for(news: News) -> None:
    news.of_first_list([])
    await asyncio.wait_for(news.have_been_shown(), 60)


def listed(generation: int = 1, observed: int | None = 1) -> dict[str, Any]:
    return resource(generation, observed, namespace="team", name="app")


def test_the_first_list_has_edits_looked_at_and_leaves_all_others_to_the_watch(news: News, queue: Queue) -> None:
    news.of_first_list([listed()])
    assert queue.told == []
    news.of_resource(APP, None, resource())
    assert queue.told == ["later"]
    news.of_first_list([listed(generation=2)])
    assert queue.told == ["later", "now"]


def test_a_list_that_is_older_than_an_edit_does_not_begin_it_anew(news: News, queue: Queue) -> None:
    news.of_first_list([listed()])
    news.of_resource(APP, "MODIFIED", resource(generation=2))
    news.of_resource(APP, None, resource())
    news.of_resource(APP, "MODIFIED", resource(generation=2))
    assert queue.told == ["now", "later", "soon"]


def test_one_that_is_made_anew_under_its_name_is_news_whatever_its_generation(news: News, queue: Queue) -> None:
    news.of_first_list([listed(5, 5)])
    news.of_resource(APP, "ADDED", resource(1, None, uid="2"))
    assert queue.told == ["now"]
