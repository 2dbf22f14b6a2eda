"""Which answers differ when captured requests are asked again, and what is said of it."""

from __future__ import annotations

import itertools
import json
import math
import random
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from support.captured import captured_line

from localmodel.replay import report
from localmodel.replay.replay import Replay, replay
from localmodel.replay.spread import Asked, choose
from localmodel.targets.captured_request import CapturedRequest, of_line
from localmodel_untrusted.answer_difference import Answer, Rules
from localmodel_untrusted.json_difference import EXACT, Tolerance
from localmodel_untrusted.json_path import parse_pattern

Script = Callable[[Any], Any]


def requests(script: Script, count: int = 5, **changes: Any) -> list[CapturedRequest]:
    """Requests 0, 1, 2 and so on, with what a script answered."""
    return [
        of_line(captured_line(id=f"r-{number}", body=str(number), answer=json.dumps(script(number)), **changes))
        for number in range(count)
    ]


def asking(script: Script) -> Callable[[CapturedRequest], Answer | str]:
    def ask(request: CapturedRequest) -> Answer | str:
        answer = script(json.loads(request.body or b""))
        status, content = answer if isinstance(answer, tuple) else (200, answer)
        return Answer(status, content if isinstance(content, bytes) else json.dumps(content).encode(), 2.0)

    return ask


def compared(before: Script, after: Script, *ignored: str, tolerance: Tolerance = EXACT) -> Replay:
    return replay(requests(before), None, asking(after), Rules(tolerance, tuple(map(parse_pattern, ignored))))


def changed(result: Replay) -> dict[str, list[str]]:
    return {one.request.id: [change.path for change in one.changes] for one in result.changed}


def row(number: int) -> dict[str, Any]:
    return {"score": number / 7, "label": "a", "rows": [{"x": number}, {"x": 1}], "note": None}


def test_seven_planted_changes_among_five_hundred_are_named_and_nothing_else() -> None:
    def after(number: int) -> Any:
        answer = row(number)
        planted: dict[int, Any] = {
            11: answer | {"score": answer["score"] + 1e-7},
            60: answer | {"label": "b"},
            61: {name: value for name, value in answer.items() if name != "note"},
            200: answer | {"rows": answer["rows"][::-1]},
            333: answer | {"score": float("nan")},
            404: answer | {"rows": []},
            499: (500, {"message": "KeyError"}),
        }
        return planted.get(number, answer)

    result = replay(requests(row, 500), None, asking(after), Rules())
    assert changed(result) == {
        "r-11": ["$.score"],
        "r-60": ["$.label"],
        "r-61": ["$.note"],
        "r-200": ["$.rows[0].x", "$.rows[1].x"],
        "r-333": ["$.score"],
        "r-404": ["$.rows"],
        "r-499": ["status"],
    }
    assert not (result.unstable or result.incomparable or result.not_sent)
    values = report.values(result, "before", "after")
    assert (values["requests"], values["same"], values["changed"]) == (500, 493, 7)
    fields = {field["field"]: field for field in values["fields"]}
    assert fields["$.score"]["answers"] == 2
    assert fields["$.score"]["worst"]["by"] == pytest.approx(1e-7)
    assert fields["$.rows[*].x"]["worst"]["number"] == 201
    lines = [*report.summary(values)]
    assert "  $.note: 1 answer: null -> nothing (request 62)" in lines
    assert "  status: 1 answer: 200 -> 500 (request 500)" in lines

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    written = json.loads(report.text(values), parse_constant=refuse)
    assert [one["changes"][0]["after"] for one in written["changes"] if one["number"] == 334] == ["NaN"]


def clock() -> Script:
    ticks, ids = itertools.count(), random.Random(1)
    return lambda number: {"score": number, "meta": {"at": next(ticks)}, "rows": [{"id": ids.random()}]}


@pytest.mark.parametrize("is_asked", [True, False])
def test_what_differs_from_itself_is_named_and_not_compared(is_asked: bool) -> None:
    script = clock()
    result = replay(requests(script), asking(script) if is_asked else None, asking(script), Rules())
    assert result.unstable == {"$.meta.at", "$.rows[*].id"}
    assert changed(result) == {}
    other = replay(requests(script), None, asking(lambda number: script(number) | {"score": -1}), Rules())
    assert changed(other) == {f"r-{number}": ["$.score"] for number in range(5)}


@pytest.mark.parametrize(
    ("flapping", "where"),
    [
        ([(503, "busy"), (200, 1)], "status"),
        ([(200, [0, 0]), (200, [0])], "$"),
        ([(200, {"rows": [1]}), (200, {"rows": []})], "$.rows"),
        ([(200, b"at 1"), (200, b"at 2")], "$"),
        ([(200, 0.25), (200, 0.5)], "$"),
    ],
)
def test_a_request_that_is_answered_differently_each_time_hides_nothing_of_others(
    flapping: list[Any], where: str
) -> None:
    answers = itertools.cycle(flapping)
    script = lambda number: next(answers) if number == 2 else (500, "no") if number == 3 else [number + 1]  # noqa: E731
    result = replay(requests(lambda number: [number]), None, asking(script), Rules())
    assert changed(result) == {"r-0": ["$[0]"], "r-1": ["$[0]"], "r-3": ["status"], "r-4": ["$[0]"]}
    (one,) = result.incomparable
    assert one.request.id == "r-2" and (f" in {where}" in one.incomparable or " before, " in one.incomparable)


def test_what_differs_from_itself_within_the_tolerance_or_where_nobody_looks_is_compared() -> None:
    ticks = itertools.count()
    noisy = lambda number: {"score": 0.9 + next(ticks) * 1e-16, "rows": [0] * (next(ticks) % 2)}  # noqa: E731
    before = requests(lambda number: {"score": 0.5, "rows": []})
    rules = Rules(Tolerance(relative=1e-6), (parse_pattern("$.rows"),))
    result = replay(before, None, asking(noisy), rules)
    assert len(result.changed) == 5 and not result.unstable and not result.incomparable


def test_numbers_however_far_apart_are_reported() -> None:
    result = compared(lambda number: {"x": 1e308}, lambda number: {"x": -(10**400) if number else -1e308})
    values = report.values(result, "before", "after")
    assert values["fields"][0]["worst"]["by"] == math.inf
    assert json.loads(report.text(values))["fields"][0]["worst"]["by"] == "Infinity"
    for form in ("json", "md", "html"):
        assert "5 of 5 answers change" in report.written(values, "md") and report.written(values, form)


def test_that_nothing_was_compared_is_said() -> None:
    unasked = [of_line(captured_line(body=None, left_out={"body": "too long"}))]
    values = report.values(replay(unasked, None, asking(row), Rules()), "before", "after")
    assert next(report.summary(values)) == "no answer could be compared: before -> after"


def test_a_side_that_is_asked_is_not_compared_with_what_was_captured() -> None:
    result = replay(requests(lambda number: "captured"), asking(row), asking(row), Rules())
    assert len(result.compared) == 5 and not result.changed


@pytest.mark.parametrize(
    ("tolerance", "count"),
    [
        (Tolerance(), 5),
        (Tolerance(absolute=0.35), 2),
        (Tolerance(relative=0.11), 0),
        (Tolerance(relative=0.05), 5),
        (Tolerance(0.35, 0.11), 0),
    ],
)
def test_numbers_may_be_as_far_apart_as_the_tolerance_says(tolerance: Tolerance, count: int) -> None:
    result = compared(lambda number: {"x": number + 1}, lambda number: {"x": (number + 1) * 1.1}, tolerance=tolerance)
    assert len(result.changed) == count


@pytest.mark.parametrize("ignored", ["$.rows[*].x", "$.rows", "$.rows[1].x", "$"])
def test_paths_that_are_ignored_do_not_count_nor_what_is_below_them(ignored: str) -> None:
    assert not compared(row, lambda number: row(number) | {"rows": [{"x": number}, {"x": 2}]}, ignored).changed


@pytest.mark.parametrize("ignored", ["$.rows[0]", "$.row", "$.rows[*].y", "$.rows[*].x.y"])
def test_other_paths_do(ignored: str) -> None:
    assert compared(row, lambda number: row(number) | {"rows": [{"x": number}, {"x": 2}]}, ignored).changed


@pytest.mark.parametrize(
    ("answer", "why"),
    [([1], "an object before, a list after"), (b"<p>", "an object before, no JSON after"), (1, "a number after")],
)
def test_answers_of_another_kind_cannot_be_compared(answer: Any, why: str) -> None:
    result = compared(row, lambda number: answer)
    assert not result.changed
    assert all(why in one.incomparable for one in result.incomparable) and len(result.incomparable) == 5


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"left_out": {"body": "too long"}}, "without a body: too long"),
        ({"body": '{"ssn": "redacted:0123"}', "answer": "1"}, "redacted"),
        ({"body": "1"}, "answers is false"),
        ({"body": "1", "answer": "1", "status": 499}, "the client had left"),
    ],
)
def test_a_request_that_cannot_be_asked_is_told(changes: dict[str, Any], why: str) -> None:
    line = of_line(captured_line(**{"body": None, "answer": None, **changes}))
    result = replay([line], None, asking(row), Rules())
    assert not result.compared
    assert why in next(iter(result.not_sent))
    assert sum(report.values(result, "a", "b")["not_sent"].values()) == 1


def test_every_form_of_the_report_tells_the_same_and_is_only_text() -> None:
    hostile = "<script>|`\n\r</td>![x](http://evil.example/p.png) @everyone www.evil.example"
    result = compared(row, lambda number: row(number) | {"label": hostile, "score": number / 7 + 0.5})
    values = report.values(result, "<b>", "after")
    assert json.loads(json.dumps(values)) == values
    text, page = report.markdown(values), report.page(values)
    for form in (text, page):
        assert "5 of 5 answers change" in form
        assert "<script>" not in form and "<b>" not in form
        assert "$.label" in form and "0.5" in form
    assert not [meant for meant in ("![", "[x]", "://", "@e", "www.e", "\r") if meant in text]
    table = [line for line in text.splitlines() if line.startswith("| 1 |")]
    assert table and all(line.replace("\\|", "").count("|") == 6 for line in table)


@pytest.mark.parametrize("deep", [b"[" * 900 + b"]" * 900, b'{"a":' * 900 + b"1" + b"}" * 900])
def test_answers_that_are_nested_without_end_are_compared_as_texts(deep: bytes) -> None:
    """Every function that follows the nesting would end in a RecursionError."""
    before = [of_line(captured_line(body="1", answer=deep.decode())) for _ in range(2)]
    same = replay(before, None, asking(lambda number: deep), Rules())
    assert len(same.compared) == 2 and not (same.changed or same.incomparable)
    other = replay(before, None, asking(lambda number: deep[:-1] + b" " + deep[-1:]), Rules())
    values = report.values(other, "before", "after")
    assert values["changed"] == 2 and [field["field"] for field in values["fields"]] == ["$"]
    for form in ("html", "json", "md"):
        assert "2 of 2 answers change" in report.written(values, form) or form == "json"
    assert choose([Asked("/score", b"1", Answer(200, deep, 1.0))], 1) == [0]


def test_the_answers_are_not_held_in_memory() -> None:
    """Parsed, these take 4 MB."""
    numbers = [number / 7 for number in range(2_000)]
    asked = requests(lambda number: None, 20)
    before, after = asking(lambda number: numbers), asking(lambda number: [number, *numbers[1:]])
    tracemalloc.start()
    result = replay(asked, before, after, Rules())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(result.changed) == 19 and peak < 1_500_000, peak
