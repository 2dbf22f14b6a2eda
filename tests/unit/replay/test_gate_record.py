"""Which captured requests become a gate, and what it expects."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from support.captured import captured_line

from localmodel.replay import gate
from localmodel.replay.replay import with_answers_of
from localmodel.replay.spread import Asked, choose
from localmodel.resource import gate as rules
from localmodel.targets.captured_request import of_line
from localmodel_untrusted.answer_difference import Answer


def answer(value: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode(), 1.0)


def chosen(*answers: Answer, most: int = 32) -> list[int]:
    return choose([Asked("/score", str(index).encode(), one) for index, one in enumerate(answers)], most)


def test_one_of_each_class_and_the_extremes_of_numbers() -> None:
    answers = [answer({"label": "ab"[index == 60], "score": abs(index - 30) / 7}) for index in range(100)]
    assert {30, 60, 99} <= {*chosen(*answers)} and len(chosen(*answers)) <= 4
    digits = [answer([index % 10]) for index in range(100)]
    assert chosen(*digits) == [*range(10)]
    assert chosen(*digits, most=3) == [0, 1, 2]


def test_one_of_each_status_and_shape() -> None:
    same = [answer({"a": "x"})] * 20
    assert chosen(*same, answer({"a": "x", "b": None}), *same, answer({"message": "no"}, 400), Answer(200, b"", 1)) == [
        0,
        20,
        41,
        42,
    ]


def test_numbers_that_do_not_come_again_are_not_classes() -> None:
    assert chosen(*(answer(index) for index in range(9))) == [0, 8]
    assert chosen(answer(float("nan")), answer(2.5), answer(1.5)) == [1, 2]


def test_two_that_were_asked_the_same_are_not_both_chosen() -> None:
    asked = [Asked("/score", b"1", answer(label)) for label in "abc"]
    assert choose(asked, 32) == [0]
    assert choose([], 32) == []


def test_what_is_expected_is_valid_and_leaves_out_what_differs_from_itself() -> None:
    request = of_line(captured_line(query="v=1", headers={"content-type": "text/csv"}, body="1,2"))
    whole = gate.entry(request, answer([0.5]), answer([0.5]))
    assert whole["path"] == "/score?v=1" and whole["contentType"] == "text/csv"
    assert whole["expect"] == {"status": 200, "json": [0.5], "tolerance": "1e-6"}
    value = {"x y": 1, "rows": [{"id": "a", "n": 1}, {"id": "b", "n": 2.5}], "none": []}
    other = json.loads(json.dumps(value).replace('"b"', '"c"'))
    parts = gate.entry(request, answer(value), answer(other))
    assert parts["expect"]["fields"] == [
        {"path": '$["x y"]', "equals": 1},
        {"path": "$.rows[0].n", "equals": 1},
        {"path": "$.rows[1].n", "equals": 2.5, "tolerance": "1e-6"},
        {"path": "$.none", "equals": []},
    ]
    assert parts["name"] and gate.entry(request, answer([1], 500), answer([1])) is None
    failed = gate.entry(request, answer({"message": "line 3"}, 500), answer({"message": "line 3"}, 500))
    assert failed["expect"] == {"status": 500}
    assert gate.entry(request, answer(float("nan")), answer(float("nan")))["expect"] == {"status": 200}
    text = yaml.safe_dump([whole, parts, failed], sort_keys=False)
    assert [entry["name"] for entry in rules.of_file(text.encode(), "gate.yaml")] == ["a-1"] * 3


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"body": None, "left_out": {"body": "too long"}}, "without a body: too long"),
        ({"body": '["redacted:01"]'}, "redacted"),
        ({"query": "ssn=redacted%3A01"}, "redacted"),
        ({"path": "/customers/redacted:01"}, "redacted"),
        ({"path": "score"}, "address"),
        ({"path": "/score", "query": "a b"}, "address"),
        ({"path": ".elsewhere.example/x"}, "address"),
        ({"headers": {"content-type": "text/csv\nx: y"}}, "content type"),
        ({"status": 499}, "the client had left"),
        ({"body": None, "body_base64": "/w=="}, "not text"),
        ({}, ""),
    ],
)
def test_requests_that_a_gate_cannot_have_are_left_out(changes: dict[str, Any], why: str) -> None:
    reason = gate.unfit(of_line(captured_line(**changes)))
    assert why in reason and bool(why) == bool(reason)


def test_answers_of_another_file_are_found_by_id() -> None:
    ours = [of_line(captured_line(id=name)) for name in ("a", "b")]
    theirs = [of_line(captured_line(id="b", answer="[3]", ms=9, status=201)), of_line(captured_line(id="c"))]
    twice = [of_line(captured_line(id="a", answer=text)) for text in ("[1]", "[2]")]
    first, second = with_answers_of(ours, theirs + twice, "other.jsonl")
    assert first.answer is None and "other.jsonl" in first.left_out["answer"]
    assert (second.answer, second.status, second.milliseconds) == (b"[3]", 201, 9)
