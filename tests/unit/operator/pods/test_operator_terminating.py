"""Before a revision is told to serve, nobody is answered by another one over a connection that was kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import cast

from support.operator.operator_given import Object, pod, recorded, state

from localmodel.cluster_records import names
from localmodel_operator.pods import terminating
from localmodel_operator.pods.admin import Admin
from localmodel_operator.pods.pod_state import PodState
from localmodel_operator.pods.pods import Pod

OLD, NEW = recorded(1), recorded(2)
GRACE = 73


def gone(
    name: str, last: PodState | None = None, seconds_ago: float = 1.0, running: bool = True, placement: str = ""
) -> Pod:
    """A pod that somebody has deleted."""
    found = pod(OLD, None, name=name).object
    end = datetime.now(UTC) + timedelta(seconds=GRACE - seconds_ago)
    found["metadata"] |= {"deletionTimestamp": f"{end:%Y-%m-%dT%H:%M:%SZ}", "deletionGracePeriodSeconds": GRACE}
    if placement:
        found["metadata"]["annotations"] = {names.POD_ANNOTATION: placement}
    found["status"]["containerStatuses"] = [{"state": {"running": {}} if running else {"terminated": {}}}]
    return Pod(found, None, last)


class Servers:
    """The pods' admin ports, and how many clients are left each time they are told to leave."""

    def __init__(self, *kept: int | None, revision: str = "1") -> None:
        self.kept, self.revision = kept, revision
        self.told: list[str] = []

    async def leave(self, found: Object) -> tuple[str, int] | None:
        self.told.append(found["metadata"]["name"])
        kept = self.kept[len(self.told) - 1]
        return None if kept is None else (self.revision, kept)


async def may_ask(servers: Servers, *there: Pod) -> bool:
    active = [pod(NEW, state(NEW), name="new")]
    return await terminating.send_clients_away(cast(Admin, servers), there, active, 2)


async def test_a_pod_that_has_not_had_its_sigterm_is_told_until_its_clients_have_gone() -> None:
    servers, there = Servers(2, 1, 0), gone("a", state(OLD))
    assert [await may_ask(servers, there) for _ in range(3)] == [True, True, False]
    assert servers.told == ["a"] * 3


async def test_one_of_several_is_enough() -> None:
    assert await may_ask(Servers(0, 3), gone("a"), gone("b"))
    assert not await may_ask(Servers(0, 0), gone("a"), gone("b"))


async def test_nothing_is_told_to_pods_that_have_ended_or_serve_the_same() -> None:
    """The latter were swapped, and pods that were started with it take their place."""
    servers = Servers()
    assert not await may_ask(servers, gone("ended", running=False), gone("swapped", state(NEW)))
    assert not servers.told
    assert not await may_ask(Servers(5, revision="2"), gone("swapped a moment ago", state(OLD)))


async def test_one_of_the_same_revision_that_was_placed_otherwise_is_told() -> None:
    """It sees other volumes, and may run as somebody else."""
    servers, there = Servers(2, 0, revision="2"), gone("before", state(NEW), placement="sha256:1")
    assert [await may_ask(servers, there) for _ in range(2)] == [True, False]
    assert servers.told == ["before"] * 2
    like = pod(NEW, state(NEW), name="like")
    assert terminating.placed_otherwise([there, like], [like]) == [there]


async def test_one_that_cannot_be_reached_is_not_waited_for_without_end() -> None:
    assert await may_ask(Servers(None), gone("a"))
    assert not await may_ask(Servers(None), gone("a", seconds_ago=12))
