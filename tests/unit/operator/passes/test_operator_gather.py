"""Two things at once: neither goes on behind the back of who waits for them."""

from __future__ import annotations

import asyncio

import pytest

from localmodel_operator.passes.gather import gather_both


async def test_both_results_in_order() -> None:
    assert await gather_both(asyncio.sleep(0.01, "slow"), asyncio.sleep(0, 2)) == ("slow", 2)


@pytest.mark.parametrize("failing_first", [True, False])
async def test_a_failure_is_raised_when_the_other_has_ended(failing_first: bool) -> None:
    ended = []

    async def fails() -> None:
        raise KeyError("now")

    async def takes_longer() -> None:
        await asyncio.sleep(0.02)
        ended.append("it")

    work = (fails(), takes_longer()) if failing_first else (takes_longer(), fails())
    with pytest.raises(KeyError):
        await gather_both(*work)
    assert ended == ["it"]


async def test_cancelled_it_takes_both_along() -> None:
    both = asyncio.create_task(gather_both(asyncio.sleep(60), gather_both(asyncio.sleep(60), asyncio.sleep(60))))
    await asyncio.sleep(0.01)
    both.cancel()
    with pytest.raises(asyncio.CancelledError):
        await both
    assert asyncio.all_tasks() == {asyncio.current_task()}
