"""The share of requests that fails, in words that stay while it stays about the same."""

from __future__ import annotations

import pytest
from support.operator.operator_given import recorded, state

from localmodel_operator.pods import failing_share
from localmodel_operator.pods.pod_state import PodState


def recent(failed: float, of: float) -> PodState:
    return state(recorded(24), recent={"requests": of, "failed": failed, "seconds": 60.0})


def words(*of: tuple[float, float], before: str = "") -> str:
    return failing_share.describe([recent(*each) for each in of], 24, before).removesuffix("; lmd logs says why")


@pytest.mark.parametrize(
    ("counted", "said"),
    [
        ([(236, 1010)], "about 1 in 4 requests to revision 24 fails"),
        ([(300, 1000)], "about 1 in 4 requests to revision 24 fails"),
        ([(100, 100)], "nearly every request to revision 24 fails"),
        ([(3, 3)], "nearly every request to revision 24 fails"),
        ([(49, 100)], "about 1 in 2 requests to revision 24 fails"),
        ([(50, 1000)], "about 1 in 20 requests to revision 24 fails"),
        ([(30, 100), (0, 200)], "about 1 in 10 requests to revision 24 fails"),
    ],
)
def test_in_round_numbers(counted: list[tuple[float, float]], said: str) -> None:
    assert words(*counted) == said


@pytest.mark.parametrize("counted", [[], [(0, 0)], [(0, 1000)], [(2, 2)], [(3, 1000)]])
def test_next_to_nothing_is_not_worth_a_word(counted: list[tuple[float, float]]) -> None:
    assert words(*counted) == ""


def test_an_older_server_does_not_say() -> None:
    assert failing_share.describe([state(recorded(24))], 24, "") == ""


def test_the_words_stay_while_the_share_goes_up_and_down_a_little() -> None:
    said = failing_share.describe([recent(25, 100)], 24, "")
    for failed in (35, 20, 15, 45, 26):
        assert failing_share.describe([recent(failed, 100)], 24, said) == said
    assert "1 in 2" in failing_share.describe([recent(60, 100)], 24, said)
    assert failing_share.describe([recent(0, 100)], 24, said) == ""
    assert "revision 25" in failing_share.describe([recent(25, 100)], 25, said), "of another revision"


def test_it_ends_when_it_is_over() -> None:
    said = failing_share.describe([recent(5, 100)], 24, "")
    assert "1 in 20" in said
    assert failing_share.describe([recent(3, 100)], 24, said) == said
    assert failing_share.describe([recent(2, 100)], 24, said) == ""
