"""How often it is told that something goes on."""

from itertools import accumulate, repeat

from localmodel.output import so_far


def test_it_is_told_more_and_more_rarely() -> None:
    assert list(accumulate(repeat(0, 7), lambda last, _: so_far.after(last))) == [0, 5, 15, 30, 60, 120, 180]
