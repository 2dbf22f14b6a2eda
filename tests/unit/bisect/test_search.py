"""Which of many things makes a difference."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localmodel.bisect import search

PARTS = ["Python", "packages", "code", "model a", "model b", "setting X", "setting Y"]


@pytest.mark.parametrize("part", PARTS)
def test_one_part_is_found(part: str) -> None:
    assert search.smallest(PARTS, lambda chosen: part in chosen) == {part}


@given(st.sets(st.sampled_from(PARTS), min_size=2, max_size=2))
def test_a_pair_is_found(pair: set[str]) -> None:
    assert search.smallest(PARTS, lambda chosen: pair <= chosen) == pair


@given(st.integers(2, 60).flatmap(lambda count: st.tuples(st.just(count), st.integers(0, count - 1))))
def test_one_of_many_is_found_with_few_questions(many: tuple[int, int]) -> None:
    count, one = many
    asked: list[frozenset[str]] = []

    def makes_it(chosen: frozenset[str]) -> bool:
        asked.append(chosen)
        return str(one) in chosen

    assert search.smallest([*map(str, range(count))], makes_it) == {str(one)}
    assert len(asked) == len({*asked}) <= 2 * count.bit_length()


@given(st.sets(st.sampled_from(PARTS), min_size=1), st.sets(st.sets(st.sampled_from(PARTS)).map(frozenset)))
def test_none_of_what_is_found_can_be_left_out(needed: set[str], broken: set[frozenset[str]]) -> None:
    def makes_it(chosen: frozenset[str]) -> bool | None:
        return None if chosen in broken - {frozenset(PARTS)} else needed <= chosen

    found = search.smallest(PARTS, makes_it)
    assert needed <= found
    assert not [part for part in found if makes_it(found - {part})]


def test_what_cannot_be_tried_hides_no_part_that_can() -> None:
    def makes_it(chosen: frozenset[str]) -> bool | None:
        # The new code needs the new packages.
        return None if "code" in chosen and "packages" not in chosen else "code" in chosen

    assert search.smallest(PARTS, makes_it) == {"code", "packages"}


def other_from(number: int, *unasked: int) -> Callable[[int], bool | None]:
    return lambda asked: None if asked in unasked else asked >= number


@pytest.mark.parametrize("number", range(2, 10))
def test_the_first_other_revision_is_found(number: int) -> None:
    assert search.first(range(1, 10), other_from(number)) == (number - 1, number)


def test_revisions_that_cannot_be_asked_are_passed_over() -> None:
    assert search.first([3, 5, 8, 9, 12], other_from(9, 8)) == (5, 9)
    assert search.first([3, 5, 8, 9, 12], other_from(9, 5, 8, 9)) == (3, 12)


def test_neighbours_are_not_asked() -> None:
    def never(number: int) -> bool:
        raise AssertionError(number)

    assert search.first([3, 7], never) == (3, 7)
