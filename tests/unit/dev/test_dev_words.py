"""What lmd dev tells of an update."""

from localmodel.dev import stopwatch, update
from localmodel.dev.sample import Reply, difference, words
from localmodel.dev.stopwatch import Stage, Step
from localmodel.dev.update import Failure
from localmodel.targets.target import DeploymentStatus

SERVES = DeploymentStatus("digits", True, 4, "http://localhost:6789/score", "")


def steps(**ends: float) -> list[Step]:
    return [Step(title.replace("_", " "), 0.0, ended) for title, ended in ends.items()]


def test_the_parts_of_an_update_leave_no_gap_and_look_ups_are_one() -> None:
    done = steps(manifest=10.1, script=10.2, models=10.3, requirements=10.4, revision_5=10.9)
    told = stopwatch.stages(10.0, done, 12.0, {})
    assert [stage.name for stage in told] == ["resolved", "serves"]
    assert [round(stage.seconds, 3) for stage in told] == [0.4, 0.5]


def test_a_server_that_told_of_its_candidate_divides_the_last_part() -> None:
    told = stopwatch.stages(0.0, steps(manifest=0.1, revision_5=0.5), 0.6, {"load": 200.0, "gate": 100.0})
    assert [(stage.name, round(stage.seconds, 3)) for stage in told] == [
        ("resolved", 0.1),
        ("candidate ready", 0.3),
        ("serves", 0.1),
    ]


def test_a_candidate_that_took_longer_than_its_step_is_of_another_time() -> None:
    told = stopwatch.stages(0.0, steps(revision_5=0.5), 0.6, {"load": 900.0})
    assert told == [Stage("serves", 0.5)]


def test_an_environment_that_had_to_be_made_is_a_part_of_its_own() -> None:
    done = [Step("requirements", 0.0, 1.0), Step("environment", 1.0, 9.0), Step("revision 2", 9.0, 9.5)]
    assert [stage.name for stage in stopwatch.stages(0.0, done, 9.5, {})] == ["resolved", "environment", "serves"]


def test_on_a_cluster_the_time_after_applying_is_until_it_serves() -> None:
    assert stopwatch.stages(0.0, steps(apply=0.25), 1.0, {}) == [Stage("apply", 0.25), Stage("serves", 0.75)]


def test_an_update_says_what_was_saved_and_each_part() -> None:
    lines = update.served("score.py", [SERVES], True, [Stage("seen", 0.031), Stage("serves", 0.0694)])
    assert [line.text for line in lines] == [
        "score.py: revision 4 serves after 100 ms",
        "  seen 31 ms · serves 69 ms",
    ]


def test_a_save_without_a_change_says_so() -> None:
    (line,) = update.served("score.py", [SERVES], False, [])
    assert line.text == "score.py: nothing has changed, revision 4 serves"


def test_a_failure_has_the_traceback_and_what_goes_on() -> None:
    failure = Failure("init() failed: score.py:2: KeyError", "Traceback:\nKeyError", "revision 4 goes on serving")
    assert [line.text for line in update.failed("score.py", failure, [Stage("resolved", 1.25)])] == [
        "score.py: not updated after 1.2 s",
        "  resolved 1.2 s",
        "  init() failed: score.py:2: KeyError",
        "    Traceback:",
        "    KeyError",
        "  revision 4 goes on serving",
    ]


def test_durations_have_the_unit_that_fits() -> None:
    assert [update.duration(seconds) for seconds in (0.0004, 0.0641, 0.9996, 1.24, 75.2)] == [
        "0 ms",
        "64 ms",
        "1.0 s",
        "1.2 s",
        "75 s",
    ]


def test_answers_that_differ_are_shown_by_what_differs() -> None:
    before = Reply(200, b'{"model": "a", "digits": [1, 2]}')
    after = Reply(200, b'{"model": "b", "digits": [1, 2]}')
    assert difference(before, after) == [
        '- {"model": "a", "digits": [1, 2]}',
        '+ {"model": "b", "digits": [1, 2]}',
    ]
    assert difference(before, before) == []


def test_of_long_answers_only_the_lines_that_differ_are_shown() -> None:
    rows = [list(range(10)) for _ in range(20)]
    before = Reply(200, repr({"rows": rows}).replace("'", '"').encode())
    rows[7][3] = -1
    after = Reply(200, repr({"rows": rows}).replace("'", '"').encode())
    assert difference(before, after) == [
        "-     [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]",
        "+     [0, 1, 2, -1, 4, 5, 6, 7, 8, 9]",
    ]


def test_a_change_of_the_status_is_shown() -> None:
    lines = difference(Reply(200, b"1"), Reply(500, b'{"message": "x"}'))
    assert lines == ["- 1", "+ status 500", '+ {"message": "x"}']


def test_answers_that_mean_the_same_and_are_written_differently() -> None:
    assert difference(Reply(200, b"[1,2]"), Reply(200, b"[1, 2]")) == ["only the spaces between its values"]


def test_an_answer_of_many_lines_is_cut_and_bytes_are_counted() -> None:
    many = words(Reply(200, "\n".join(f"row {number}" for number in range(100)).encode()))
    assert many[0] == "row 0" and many[-1] == "… and 88 lines more"
    assert words(Reply(200, b"\x89PNG\x00\xff")) == ["6 bytes"]


def test_what_run_raised_stands_below_the_answer() -> None:
    lines = update.answers("request.json", Reply(200, b"1"), Reply(500, b"2", "id"), "Traceback:\nKeyError: 'age'")
    assert [line.text for line in lines][-1] == "    KeyError: 'age'"
    assert {line.tone for line in lines} == {"", "gone", "new"}
