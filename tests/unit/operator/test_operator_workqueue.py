"""The queue's promises, on a clock that jumps instead of waiting."""

import asyncio
import itertools
import selectors
from collections.abc import Coroutine
from typing import Any

import pytest

from localmodel_operator.workqueue import Key, WorkQueue

ONE, OTHER = ("default", "one"), ("default", "other")


class _Jump(selectors.SelectSelector):
    """Where the loop would sleep, its clock moves on instead."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        assert timeout is not None, "everything waits for everything else"
        self.now += max(timeout, 0)
        return super().select(0)


def _loop() -> asyncio.AbstractEventLoop:
    selector = _Jump()
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: selector.now  # type: ignore[method-assign]
    return loop


def run(test: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=_loop) as runner:
        runner.run(test)


async def seen_within(queue: WorkQueue, seconds: float) -> list[tuple[float, Key]]:
    """What one worker that always succeeds gets to see, and when."""
    loop = asyncio.get_running_loop()
    seen: list[tuple[float, Key]] = []

    async def note(key: Key) -> None:
        seen.append((round(loop.time(), 3), key))

    worker = asyncio.create_task(queue.work(note))
    await asyncio.sleep(seconds)
    worker.cancel()
    return seen


def test_a_key_added_many_times_is_looked_at_once() -> None:
    async def test() -> None:
        queue = WorkQueue()
        for key in (ONE, OTHER, ONE, ONE):
            queue.add(key)
        assert await seen_within(queue, 10) == [(0, ONE), (0, OTHER)]

    run(test())


def test_a_key_is_held_by_one_worker_and_runs_once_more_if_added_meanwhile() -> None:
    async def test() -> None:
        queue, runs, at_once, most = WorkQueue(), 0, 0, 0

        async def slow(key: Key) -> None:
            nonlocal runs, at_once, most
            runs, at_once = runs + 1, at_once + 1
            most = max(most, at_once)
            await asyncio.sleep(1)
            at_once -= 1

        workers = [asyncio.create_task(queue.work(slow)) for _ in range(3)]
        queue.add(ONE)
        await asyncio.sleep(0.5)
        for _ in range(5):
            queue.add(ONE)
        await asyncio.sleep(10)
        assert (runs, most) == (2, 1)
        for worker in workers:
            worker.cancel()

    run(test())


def test_one_slow_key_does_not_hold_up_others() -> None:
    async def test() -> None:
        queue, done = WorkQueue(), []

        async def look(key: Key) -> None:
            if key == ONE:
                await asyncio.sleep(100)
            done.append(key)

        workers = [asyncio.create_task(queue.work(look)) for _ in range(2)]
        queue.add(ONE)
        queue.add(OTHER)
        await asyncio.sleep(1)
        assert done == [OTHER]
        for worker in workers:
            worker.cancel()

    run(test())


def test_of_several_times_the_earliest_wins() -> None:
    async def test() -> None:
        queue = WorkQueue()
        for delay in (30, 5, 20):
            queue.add_after(delay, ONE)
        assert await seen_within(queue, 100) == [(5, ONE)]

    run(test())


def test_a_run_that_comes_before_its_time_is_in_the_place_of_it() -> None:
    async def test() -> None:
        queue = WorkQueue()
        queue.add_after(5, ONE)
        queue.add_after(7, OTHER)
        queue.add(ONE)
        assert await seen_within(queue, 100) == [(0, ONE), (7, OTHER)]

    run(test())


def test_a_time_can_be_set_again_once_it_has_come() -> None:
    async def test() -> None:
        queue = WorkQueue()
        queue.add_after(5, ONE)
        await seen_within(queue, 10)
        queue.add_after(5, ONE)
        assert await seen_within(queue, 10) == [(15, ONE)]

    run(test())


def _failures(count: int, monkeypatch: pytest.MonkeyPatch, forgive_after: int | None = None) -> list[float]:
    """The pauses between runs of a key that fails `count` times, without jitter."""
    monkeypatch.setattr("random.uniform", lambda low, high: (low + high) / 2)
    times: list[float] = []

    async def test() -> None:
        queue, loop = WorkQueue(), asyncio.get_running_loop()

        async def fail(key: Key) -> None:
            times.append(loop.time())
            if len(times) == forgive_after:
                queue.forgive(key)
            if len(times) <= count:
                raise RuntimeError("as the test wants")

        worker = asyncio.create_task(queue.work(fail))
        queue.add(ONE)
        await asyncio.sleep(10_000)
        worker.cancel()

    run(test())
    return [round(after - before, 3) for before, after in itertools.pairwise(times)]


def test_a_failing_key_comes_back_later_each_time_but_within_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _failures(9, monkeypatch) == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]


def test_a_forgiven_key_starts_over(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _failures(6, monkeypatch, forgive_after=4) == [0.5, 1, 2, 0.5, 1, 2]


def test_pauses_are_spread() -> None:
    async def test() -> None:
        queue = WorkQueue()
        keys = [("default", str(number)) for number in range(20)]
        for key in keys:
            queue.retry(key)
        times = [when for when, _ in await seen_within(queue, 2)]
        assert len(set(times)) > 10
        assert all(0.4 <= when <= 0.6 for when in times)

    run(test())


def _keys(count: int) -> list[Key]:
    return [("default", f"patient-{number}") for number in range(count)]


def test_what_happens_overtakes_all_to_which_nothing_has() -> None:
    async def test() -> None:
        queue, order = WorkQueue(), list[Key]()

        async def look(key: Key) -> None:
            order.append(key)
            await asyncio.sleep(0.1)

        workers = [asyncio.create_task(queue.work(look)) for _ in range(16)]
        for key in _keys(1000):
            queue.look_again(key)
        await asyncio.sleep(1.05)
        before = len(order)
        queue.add(ONE)
        await asyncio.sleep(0.01)
        assert order[before:] == [ONE]
        await asyncio.sleep(100)
        assert sorted(order) == sorted([*_keys(1000), ONE])
        for worker in workers:
            worker.cancel()

    run(test())


def test_beside_an_edit_one_is_looked_at_and_alone_a_few_are() -> None:
    async def test() -> None:
        queue, at_once = WorkQueue(), set[Key]()

        async def look(key: Key) -> None:
            at_once.add(key)
            await asyncio.sleep(20 if key == ONE else 0.1)
            at_once.discard(key)

        workers = [asyncio.create_task(queue.work(look)) for _ in range(16)]
        queue.add(ONE)
        for key in _keys(300):
            queue.look_again(key)
        await asyncio.sleep(10.05)
        assert len(at_once - {ONE}) == 1
        await asyncio.sleep(12)
        assert len(at_once) == 4
        for worker in workers:
            worker.cancel()

    run(test())


def test_those_that_wait_long_hold_up_no_others_to_which_nothing_has_happened() -> None:
    async def test() -> None:
        queue, seen = WorkQueue(), list[Key]()

        async def look(key: Key) -> None:
            seen.append(key)
            await asyncio.sleep(1000)

        workers = [asyncio.create_task(queue.work(look)) for _ in range(16)]
        for key in _keys(12):
            queue.look_again(key)
        await asyncio.sleep(12)
        assert seen == _keys(12)
        for worker in workers:
            worker.cancel()

    run(test())


def test_a_patient_key_to_which_something_happens_waits_no_longer_and_runs_once() -> None:
    async def test() -> None:
        queue = WorkQueue()
        for key in _keys(5):
            queue.look_again(key)
        queue.add(("default", "patient-4"))
        seen = [key for _, key in await seen_within(queue, 10)]
        assert sorted(seen) == _keys(5)

    run(test())


def test_it_is_busy_while_something_has_happened_to_a_key_and_not_for_those_that_are_looked_at_again() -> None:
    async def test() -> None:
        queue, busy = WorkQueue(), dict[Key, bool]()

        async def look(key: Key) -> None:
            busy[key] = queue.is_busy

        assert not queue.is_busy
        queue.look_again(("default", "patient"))
        assert not queue.is_busy
        workers = [asyncio.create_task(queue.work(look))]
        await asyncio.sleep(1)
        queue.add(ONE)
        assert queue.is_busy
        await asyncio.sleep(1)
        assert not queue.is_busy
        assert busy == {("default", "patient"): False, ONE: True}
        for worker in workers:
            worker.cancel()

    run(test())
