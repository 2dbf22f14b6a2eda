"""What kopf is told to do with an event: nothing but to hand it over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import kopf
import pytest
from kubernetes.aio import client

from localmodel_operator import watching
from localmodel_operator.cluster import Cluster, credentials
from localmodel_operator.images.delivery_news import NodeNews
from localmodel_operator.news import News
from localmodel_operator.operator import Operator
from localmodel_operator.workqueue import WorkQueue

LISTED = {"metadata": {"uid": "1", "generation": 1, "namespace": "team", "name": "app"}, "spec": {}}


@pytest.fixture(name="spawned")
def given_spawned(monkeypatch: pytest.MonkeyPatch) -> list[asyncio.Event]:
    """A stop flag for each of kopf's operators that were started."""
    flags: list[asyncio.Event] = []

    async def spawn(*, stop_flag: asyncio.Event, **_: Any) -> list[asyncio.Task[Any]]:
        flags.append(stop_flag)
        return [asyncio.create_task(cast(Any, stop_flag.wait()))]

    async def finish(tasks: list[asyncio.Task[Any]], **_: Any) -> None:
        await asyncio.gather(*tasks)

    monkeypatch.setattr(kopf, "spawn_tasks", spawn)
    monkeypatch.setattr(kopf, "run_tasks", finish)
    return flags


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - nobody sets an Event for it
            await asyncio.sleep(0.01)


def site(queue: WorkQueue) -> Operator:
    return cast(Operator, SimpleNamespace(queue=queue, references=None, namespaces=(), cluster=None))


async def test_children_are_listed_when_the_resources_were_shown_and_their_edits_served(
    spawned: list[asyncio.Event],
) -> None:
    queue, enough, taken = WorkQueue(), asyncio.Event(), list[bool]()
    news = News(queue)
    news.of_first_list([LISTED])
    watched = asyncio.create_task(
        watching.watch(site(queue), news, NodeNews(), enough, lambda: taken.append(True), None)
    )
    await until(lambda: bool(spawned))
    assert len(taken) <= len(spawned) == 1
    news.of_resource(("team", "app"), None, LISTED)
    await asyncio.sleep(0.2)
    assert len(spawned) == 1, "the edit waits"

    async def serve(_: Any) -> None:
        pass

    working = asyncio.create_task(queue.work(serve))
    await until(lambda: len(taken) == 2)
    assert len(spawned) == 2
    enough.set()
    await asyncio.wait_for(watched, 60)
    working.cancel()


async def test_an_end_waits_for_no_list(spawned: list[asyncio.Event], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_EDITS_FIRST", 1000)
    enough, queue = asyncio.Event(), WorkQueue()
    (news := News(queue)).of_first_list([LISTED])
    watched = asyncio.create_task(watching.watch(site(queue), news, NodeNews(), enough, lambda: None, None))
    await until(lambda: bool(spawned))
    enough.set()
    await asyncio.wait_for(watched, 60)


@pytest.mark.parametrize("checked", [True, False])
async def test_a_kubeconfig_that_has_no_certificate_checked_holds_for_the_watches_too(checked: bool) -> None:
    configuration = client.Configuration()
    configuration.verify_ssl = checked
    reached = await credentials(cast(Cluster, SimpleNamespace(configuration=configuration)))
    assert reached.insecure is not checked
