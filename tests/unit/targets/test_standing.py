"""How a deployment stands, for everything that can be seen of it: the table of docs/troubleshooting.md."""

import pytest

from localmodel.targets.standing import Seen, Standing, judge

FAILED = "revision 2 does not serve: score.py:3: KeyError"
DOWN = "the server is not running (revision 1 served last); lmd start digits starts it"
LOADING = "the revision is loading"


@pytest.mark.parametrize(
    ("seen", "ready", "stalled", "said"),
    [
        # what was asked for last answers
        (Seen(serves=True), True, False, ""),
        (Seen(serves=True, at_work=True), True, False, ""),
        # an older revision answers, or none: the last edit has failed, whichever way it took
        (Seen(failed=FAILED), False, True, FAILED),
        (Seen(serves=True, failed=FAILED), False, True, FAILED),
        (Seen(failed=FAILED, problem=LOADING), False, True, FAILED),
        # somebody tries again
        (Seen(failed=FAILED, at_work=True), False, False, "loading"),
        (Seen(at_work=True, problem=LOADING), False, False, LOADING),
        (Seen(down=DOWN, at_work=True), False, False, "loading"),
        # no server, and nobody who starts one
        (Seen(down=DOWN), False, True, DOWN),
        (Seen(down=DOWN, failed=FAILED), False, True, f"{DOWN}; {FAILED}"),
        (Seen(down=FAILED, failed=FAILED), False, True, FAILED),
        # a command was ended before what it asked for served
        (Seen(ended=True), False, True, "ended before that served"),
        (Seen(ended=True, at_work=True), False, False, "loading"),
        (Seen(ended=True, down=DOWN), False, True, DOWN),
        # a server comes up by itself, or cannot be asked
        (Seen(problem=LOADING), False, False, LOADING),
        (Seen(), False, False, "loading"),
    ],
)
def test_the_table(seen: Seen, ready: bool, stalled: bool, said: str) -> None:
    found = judge(seen)
    assert (found.ready, found.stalled) == (ready, stalled)
    assert said in found.message and bool(said) == bool(found.message)


def test_a_message_is_there_whenever_it_is_not_ready() -> None:
    assert judge(Seen(serves=True)) == Standing(True, False, "")
