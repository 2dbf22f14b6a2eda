"""A warm swap against servers that do as they are told, or do not: all commit, or none has changed."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from support.operator.operator_given import pod, recorded, state

from localmodel_operator.cluster import PodUnreachableError
from localmodel_operator.passes.preparation import swap
from localmodel_operator.pods.admin import Admin, CannotTakeError, RevisionFailedError, SupersededError
from localmodel_operator.pods.pods import Pod

OLD = recorded(1)
EPOCH, CONTENT = 7, "sha256:new"
Outcome = Exception | float | None


class Servers:
    """Stands for the pods' servers. `prepares`, `commits`: an error to raise or seconds to take, by the pod's name."""

    def __init__(self, prepares: dict[str, Outcome] | None = None, commits: dict[str, Outcome] | None = None) -> None:
        self._outcomes = {"prepare": prepares or {}, "commit": commits or {}, "abort": {}}
        self.calls: list[tuple[str, str]] = []
        self.prepared: set[str] = set()
        self.cancelled: set[str] = set()

    async def prepare(self, found: Any, epoch: int, content: str, bundle: Any) -> None:
        await self._call("prepare", found, epoch, content)
        self.prepared.add(found["metadata"]["name"])

    async def commit(self, found: Any, epoch: int, content: str) -> None:
        await self._call("commit", found, epoch, content)
        if found["metadata"]["name"] not in self.prepared:
            raise SupersededError("NotPrepared")

    async def abort(self, found: Any, epoch: int, content: str) -> None:
        await self._call("abort", found, epoch, content)

    async def _call(self, action: str, found: Any, epoch: int, content: str) -> None:
        assert (epoch, content) == (EPOCH, CONTENT)
        name = found["metadata"]["name"]
        self.calls.append((action, name))
        outcome = self._outcomes[action].get(name)
        try:
            await asyncio.sleep(outcome if isinstance(outcome, float) else 0)
        except asyncio.CancelledError:
            self.cancelled.add(name)
            raise
        if isinstance(outcome, Exception):
            raise outcome

    def told(self, action: str) -> list[str]:
        return [name for what, name in self.calls if what == action]


async def run(servers: Servers, ready: str = "abc", unready: str = "", seconds: float = 5.0) -> None:
    there: list[Pod] = [pod(OLD, state(OLD), name in ready, name) for name in [*ready, *unready]]
    admin = cast(Admin, servers)
    await swap.prepare(admin, there, EPOCH, CONTENT, lambda pod: None, seconds)
    await swap.commit(admin, there, EPOCH, CONTENT)


@pytest.mark.parametrize(
    "failure",
    [
        RevisionFailedError("InitFailed", "score.py:3: KeyError"),
        RevisionFailedError("GateFailed", "2, got 3"),
        CannotTakeError("full"),
    ],
)
async def test_one_that_cannot_keeps_all_from_it(failure: Exception) -> None:
    servers = Servers(prepares={"b": failure})
    with pytest.raises(type(failure), match=str(failure)):
        await run(servers)
    assert servers.told("commit") == []
    assert sorted(servers.told("abort")) == ["a", "b", "c"], "those that were prepared forget it"


async def test_what_speaks_against_the_revision_is_told_first() -> None:
    """However the others fail: a pod that went away must not hide the script's mistake."""
    bad = RevisionFailedError("InitFailed", "bad")
    with pytest.raises(RevisionFailedError):
        await run(Servers(prepares={"a": PodUnreachableError("gone"), "b": SupersededError("later"), "c": bad}))


async def test_a_ready_pod_that_does_not_answer_keeps_all_from_it() -> None:
    servers = Servers(prepares={"c": PodUnreachableError("gone")})
    with pytest.raises(PodUnreachableError):
        await run(servers)
    assert servers.told("commit") == []


async def test_a_later_decision_keeps_all_from_it() -> None:
    servers = Servers(prepares={"a": SupersededError("epoch 8")})
    with pytest.raises(SupersededError):
        await run(servers)
    assert servers.told("commit") == []


async def test_takes_too_long() -> None:
    servers = Servers(prepares={"b": 60.0})
    with pytest.raises(RevisionFailedError, match=r"not ready to serve within 0\.3 s") as failed:
        await run(servers, seconds=0.3)
    assert failed.value.reason == "ProgressDeadlineExceeded"
    assert servers.told("commit") == []


async def test_a_commit_that_fails_does_not_keep_the_others_from_theirs() -> None:
    servers = Servers(commits={"a": SupersededError("later")})
    with pytest.raises(SupersededError):
        await run(servers)
    assert sorted(servers.told("commit")) == ["a", "b", "c"]


async def test_a_pod_that_is_not_ready_is_taken_along() -> None:
    servers = Servers()
    await run(servers, ready="a", unready="z")
    assert sorted(servers.told("commit")) == ["a", "z"]


async def test_a_pod_that_is_not_ready_and_does_not_answer_holds_nobody_up() -> None:
    servers = Servers(prepares={"z": PodUnreachableError("gone")}, commits={"z": PodUnreachableError("gone")})
    await run(servers, ready="ab", unready="z")
    assert {"a", "b"} <= set(servers.told("commit"))


async def test_a_pod_that_comes_back_in_between_is_told_what_it_has_missed() -> None:
    """Its server stays unready from then on, so that it does not answer with the old one; the next pass helps it."""
    servers = Servers(prepares={"z": PodUnreachableError("gone")})
    with pytest.raises(SupersededError):
        await run(servers, ready="ab", unready="z")
    assert sorted(servers.told("commit")) == ["a", "b", "z"]


async def test_overtaken_in_the_middle_it_leaves_no_call_behind_and_commits_nothing() -> None:
    servers = Servers(prepares={"b": 60.0})
    running = asyncio.create_task(run(servers))
    await asyncio.sleep(0.05)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert servers.cancelled == {"b"}
    assert servers.told("commit") == []
    assert asyncio.all_tasks() == {asyncio.current_task()}
