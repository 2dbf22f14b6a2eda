"""What is started when memory is short: inside this process, where it can be said to be."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.server.scoring_server_process import BARE_PYTHON, write_script

from localmodel_server.configuration.settings import read_settings
from localmodel_server.workers import free_memory, warm_parent
from localmodel_server.workers.free_memory import NoRoomError
from localmodel_server.workers.pool import Pool
from localmodel_server.workers.used_memory import used_bytes
from localmodel_server.workers.warm_parent import WarmParents

SCRIPT = "def init(): pass\ndef run(data): return 1\n"


class Given:
    """A pool that serves, and warm parents."""

    def __init__(self, folder: Path) -> None:
        self.environment = {**write_script(folder, SCRIPT), "LOCALMODEL_PYTHON": BARE_PYTHON, "LANG": "C"}
        self.warm = WarmParents()
        self.pools: list[Pool] = []

    async def start(self, **variables: str) -> Pool:
        pool = await Pool.start(read_settings({**self.environment, **variables}), self.warm)
        self.pools.append(pool)
        return pool

    async def is_warm(self) -> bool:
        assert self.warm._keeper is not None
        parent = self.warm._parent
        while parent is None and not self.warm._keeper.done():
            await asyncio.sleep(0.02)
            parent = self.warm._parent
        if parent is None:
            return False
        await parent.wait_until_warm(20)
        return True


@pytest.fixture
async def given(tmp_path: Path) -> AsyncIterator[Given]:
    given = Given(tmp_path)
    try:
        yield given
    finally:
        await given.warm.close()
        for pool in given.pools:
            await pool.close()


def be_short(monkeypatch: pytest.MonkeyPatch, *free: int) -> None:
    """Have so many bytes free, at one question after the other; the last number counts for the rest."""
    left = list(free)

    def room_for(needed: int) -> str | None:
        here = left.pop(0) if len(left) > 1 else left[0]
        return None if needed <= here else f"{needed} are needed, {here} are free"

    monkeypatch.setattr(warm_parent, "room_for", room_for)


async def test_a_fork_needs_no_room_for_a_process_of_its_own(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    (await given.start()).enter_service()
    assert await given.is_warm()
    be_short(monkeypatch, 0)
    assert (await given.start(GREETING="hello")).how == "fork"


async def test_a_candidate_that_cannot_be_forked_needs_room(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    serving = await given.start()
    serving.enter_service()
    assert await given.is_warm()
    be_short(monkeypatch, 0)
    with pytest.raises(NoRoomError) as error:
        await given.start(OMP_NUM_THREADS="7")
    assert error.value.reason == "NoRoom"
    assert str(error.value).startswith("no room for workers that are not forked: ")
    assert serving.is_whole


async def test_the_warm_parent_makes_room(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    (await given.start()).enter_service()
    assert await given.is_warm()
    parent = given.warm._parent
    be_short(monkeypatch, 0, 1 << 40)
    pool = await given.start(OMP_NUM_THREADS="7")
    assert pool.how == "spawn"
    assert parent is not None
    assert not parent.usable
    pool.enter_service()
    assert await given.is_warm(), "there is room again"
    assert (await given.start(OMP_NUM_THREADS="7", GREETING="hello")).how == "fork"


async def test_no_parent_is_started_without_room(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    be_short(monkeypatch, 0)
    (await given.start()).enter_service()
    assert not await given.is_warm()
    pool = await given.start(GREETING="hello")
    assert pool.how == "spawn"
    assert pool.why_not_forked.startswith("there is no room for a warm parent")


async def test_what_a_pool_costs(given: Given) -> None:
    before = used_bytes()
    pool = await given.start()
    assert used_bytes() - before > 1 << 20, "the metrics have the workers' memory, too"
    assert 1 << 20 < pool.private_bytes() < 100 << 20
    assert free_memory.private_bytes([worker.pid for worker in pool._workers]) == pool.private_bytes()
    await pool.close()
    assert pool.private_bytes() == 0


def test_processes_that_end_meanwhile_cost_nothing() -> None:
    churn = "import os\nfor _ in range(1000):\n    os.fork() or os._exit(0)\n    os.wait()"
    with subprocess.Popen([sys.executable, "-c", churn]) as parent:
        while parent.poll() is None:
            assert used_bytes() > 1 << 20


async def test_a_parked_pool_serves_again_with_another_number(given: Given) -> None:
    pool = await given.start(LOCALMODEL_REVISION="1", WORKER_COUNT="2")
    worker = pool.take()
    assert worker is not None
    pool.park()
    pool.give_back(worker)
    assert pool.is_whole
    pool.resume(read_settings({**given.environment, "LOCALMODEL_REVISION": "3", "WORKER_COUNT": "2"}))
    taken = [pool.take(), pool.take()]
    assert [each.settings.revision for each in taken if each is not None] == ["3", "3"]


async def test_a_parked_pool_that_has_lost_a_worker_is_not_whole(given: Given) -> None:
    pool = await given.start()
    pool.park()
    (worker,) = pool._workers
    worker.kill()
    await worker.wait()
    assert not pool.is_whole
