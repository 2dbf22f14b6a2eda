"""Tables and times for people."""

from datetime import UTC, datetime, timedelta

import pytest

from localmodel.cli.terminal import human, table

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_only_the_last_column_is_cut_and_every_line_fits() -> None:
    rows = [["churn", "1", "spec.env changed: " + "X" * 200], ["a-long-name-of-a-deployment", "12", "created"]]
    lines = table.lines(["NAME", "REVISION", "CAUSE"], rows, 60)
    assert max(map(len, lines)) <= 60
    assert lines[1].startswith("churn                        1") and lines[1].endswith("…")
    assert lines[2].endswith("created")


def test_where_nobody_looks_nothing_is_cut() -> None:
    lines = table.lines(["NAME", "CAUSE"], [["churn", "X" * 500]], None)
    assert lines[1] == f"churn  {'X' * 500}"


def test_on_a_very_narrow_terminal_something_of_the_last_column_is_left() -> None:
    lines = table.lines(["NAME", "CAUSE"], [["n" * 40, "because of a change"]], 30)
    assert lines[1].endswith("  because of…")


REVISIONS = ["REVISION", "STATE", "CONTENT", "CODE", "MODELS", "CAUSE"]
REVISION = ["3", "serving, durable", "df1c06c792e7", "b4767f5d5b86", "-", "spec.scoring changed: score.py, clean.py"]


@pytest.mark.parametrize(
    ("width", "names"),
    [
        (120, ["REVISION", "STATE", "CONTENT", "CODE", "MODELS", "CAUSE"]),
        (82, ["REVISION", "STATE", "CONTENT", "CODE", "CAUSE"]),
        (70, ["REVISION", "STATE", "CODE", "CAUSE"]),
        (60, ["REVISION", "STATE", "CAUSE"]),
        (40, ["REVISION", "STATE", "CAUSE"]),
        (30, ["REVISION", "STATE", "CAUSE"]),
    ],
)
def test_a_narrow_table_does_without_what_says_nothing_and_then_without_what_is_spare(
    width: int, names: list[str]
) -> None:
    lines = table.lines(REVISIONS, [REVISION], width, ["CONTENT", "CODE"])
    assert lines[0].split() == names
    assert max(map(len, lines)) <= max(width, 36), "each column keeps something"


def test_what_does_not_fit_even_so_is_cut_where_it_is_widest() -> None:
    lines = table.lines(["NAME", "READY", "URL"], [["n" * 48, "no", "http://localhost:6789/score"]], 60)
    assert max(map(len, lines)) <= 60 and lines[1].endswith("…  no     http://loca…")


def test_a_table_without_rows_has_its_names() -> None:
    assert table.lines(["NAME", "CAUSE"], [], 80) == ["NAME  CAUSE"]


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (timedelta(seconds=-3), "0 s ago"),
        (timedelta(seconds=59), "59 s ago"),
        (timedelta(seconds=61), "1 min ago"),
        (timedelta(hours=2, minutes=50), "2 h ago"),
        (timedelta(days=3), "3 d ago"),
        (timedelta(days=65), "2 mo ago"),
        (timedelta(days=800), "2 y ago"),
    ],
)
def test_times_are_told_from_now(passed: timedelta, words: str) -> None:
    assert human.ago((NOW - passed).isoformat(), NOW) == words
    assert human.ago((NOW - passed).strftime("%Y-%m-%dT%H:%M:%SZ"), NOW) == words


@pytest.mark.parametrize("text", ["", "yesterday", "2026-05-01T12:00:00"])
def test_what_is_not_a_time_with_a_zone_stays_as_it_is(text: str) -> None:
    assert human.ago(text, NOW) == text


def test_durations() -> None:
    assert [human.duration(seconds) for seconds in (0.00214, 0.9, 3.04)] == ["2.1 ms", "900.0 ms", "3.0 s"]
