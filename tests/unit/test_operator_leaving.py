"""Before a revision is told to serve, nobody is answered by another one over a connection that was kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from operator_given import Object, pod, recorded, state

from localmodel_operator import leaving
from localmodel_operator.admin import Admin
from localmodel_operator.cluster import Cluster
from localmodel_operator.pod_state import PodState

OLD, NEW = recorded(1), recorded(2)
GRACE = 73


def gone(name: str, seconds_ago: float = 1.0, running: bool = True) -> Object:
    """A pod that somebody has deleted."""
    found = pod(OLD, None, name=name).found
    end = datetime.now(UTC) + timedelta(seconds=GRACE - seconds_ago)
    found["metadata"] |= {"deletionTimestamp": f"{end:%Y-%m-%dT%H:%M:%SZ}", "deletionGracePeriodSeconds": GRACE}
    found["status"]["containerStatuses"] = [{"state": {"running": {}} if running else {"terminated": {}}}]
    return found


class Api:
    """The API server and the pods' admin ports: what each pod serves, and what it says when it is told to leave."""

    def __init__(self, there: list[Object], serves: PodState | None, *kept: int | None) -> None:
        self.there, self.serves, self.kept = there, serves, list(kept)
        self.told: list[str] = []

    async def list(self, *_: Any) -> list[Object]:
        return self.there

    async def state(self, found: Object) -> PodState | None:
        return self.serves

    async def leave(self, found: Object) -> tuple[str, int] | None:
        self.told.append(found["metadata"]["name"])
        kept = self.kept.pop(0) if len(self.kept) > 1 else self.kept[0]
        return None if kept is None else ("1", kept)


async def problem(api: Api, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(leaving, "_POLL", 0)
    return await leaving.problem(cast(Cluster, api), cast(Admin, api), ("team", "digits"), 2)


async def test_a_pod_that_has_not_had_its_sigterm_is_told_and_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api([gone("a")], state(OLD), 2, 1, 0)
    assert await problem(api, monkeypatch) == ""
    assert api.told == ["a"] * 3


async def test_nothing_is_told_to_pods_that_stay_or_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api([pod(NEW, None).found, gone("ended", running=False)], state(OLD), 1)
    assert await problem(api, monkeypatch) == ""
    assert not api.told


async def test_a_pod_of_the_same_revision_may_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was swapped, and its place is taken by a pod that was started with it."""
    api = Api([gone("swapped")], state(NEW), 1)
    assert await problem(api, monkeypatch) == ""
    assert not api.told


async def test_a_client_that_stays_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "still has clients" in await problem(Api([gone("a")], state(OLD), 1), monkeypatch)


async def test_one_that_cannot_be_reached_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "still has clients" in await problem(Api([gone("a")], None, None), monkeypatch)
    assert await problem(Api([gone("a", seconds_ago=12)], None, None), monkeypatch) == ""


async def test_one_that_could_not_be_reached_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await problem(Api([gone("a")], None, None, None, 1, 0), monkeypatch) == ""
