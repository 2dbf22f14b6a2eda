"""Functions that seem to keep something between calls are not given rows of several requests."""

from __future__ import annotations

from typing import Any

from localmodel_worker.script.stateful import keeps_state

count = 0


def counts(data: Any) -> int:
    global count
    count += 1
    return count


def forgets(data: Any) -> None:
    global count
    del count


def sets_an_attribute(model: Any) -> None:
    model.last = 1


def computes(data: Any) -> Any:
    result = [each * count for each in data]
    result[0] = 5
    return result


async def waits(data: Any) -> Any:
    return data


def generates(data: Any) -> Any:
    yield data


def test_what_is_set_outside_of_the_function_is_state() -> None:
    assert all(map(keeps_state, (counts, forgets, sets_an_attribute)))
    assert not keeps_state(computes)


def test_what_may_stop_in_the_middle_or_cannot_be_read_counts_as_state() -> None:
    assert all(map(keeps_state, (waits, generates, len)))
