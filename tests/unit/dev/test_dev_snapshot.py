"""What lmd dev takes for a save."""

from pathlib import Path

from localmodel.dev import snapshot

SCORE, OTHER = Path("/code/score.py"), Path("/code/other.py")


def test_files_that_are_other_new_or_gone_have_changed() -> None:
    before = {SCORE: (1, 5, 1), OTHER: (1, 5, 2)}
    assert snapshot.changed(before, {SCORE: (2, 5, 1), OTHER: (1, 5, 2)}) == [SCORE]
    assert snapshot.changed(before, {SCORE: (1, 5, 1), OTHER: None}) == [OTHER]
    assert snapshot.changed({}, before) == [OTHER, SCORE]
    assert snapshot.changed(before, before) == []


def test_a_file_that_takes_anothers_place_has_changed_though_it_looks_alike() -> None:
    assert snapshot.changed({SCORE: (1, 5, 1)}, {SCORE: (1, 5, 9)}) == [SCORE]


def test_a_name_that_no_file_has_or_had_is_no_change() -> None:
    assert snapshot.changed({}, {SCORE: None}) == []


def test_a_file_that_is_gone_or_empty_is_about_to_be_written() -> None:
    full, empty = {SCORE: (1, 5, 1)}, {SCORE: (2, 0, 1)}
    assert snapshot.is_between(full, empty)
    assert snapshot.is_between(full, {SCORE: None})
    assert not snapshot.is_between(empty, {SCORE: None})
    assert not snapshot.is_between(full, {SCORE: (2, 6, 1)})


def test_the_time_since_the_last_save_if_it_can_be_told() -> None:
    now = 1000.0
    taken = {SCORE: (999_000_000_000, 5, 1), OTHER: (999_750_000_000, 5, 2)}
    assert snapshot.seconds_since([SCORE, OTHER], taken, now) == 0.25
    assert snapshot.seconds_since([SCORE], {SCORE: None}, now) is None
    assert snapshot.seconds_since([SCORE], {SCORE: (1, 5, 1)}, now) is None, "moved here with the time that it had"
