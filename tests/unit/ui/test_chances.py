"""Which parts of an answer are probabilities."""

from __future__ import annotations

import json

import pytest

from localmodel.ui.request import chances


@pytest.mark.parametrize(
    ("answer", "paths"),
    [
        ([0.25, 0.75], [""]),
        ([[0.1, 0.9], [0.5, 0.5]], ["[0]", "[1]"]),
        ({"classes": [1], "chances": [[0, 1.0]]}, ["chances[0]"]),
        ({"chances": {"cat": 0.7, "dog": 0.3}}, ["chances"]),
        ([0.33, 0.33, 0.33], [""]),  # rounded
        ('{"chances": [0.5, 0.5]}', ["chances"]),  # json.dumps() of an answer
        ([0, 1], []),  # classes
        ([1.0], []),
        ([True, 0.0], []),
        ([0.5, 0.6], []),
        ([1.5, -0.5], []),
        (["0.5", 0.5], []),
        ([], []),
        (None, []),
        ([[0.5, 0.5]] * 50, [f"[{index}]" for index in range(10)]),
    ],
)
def test_lists_of_probabilities(answer: object, paths: list[str]) -> None:
    assert [found.path for found in chances.of_body(json.dumps(answer).encode())] == paths


def test_the_greatest_of_many_come_first() -> None:
    (found,) = chances.find([0.5, *[0.001] * 200, 0.3])
    assert [(bar.label, bar.value) for bar in found.bars[:2]] == [("0", 0.5), ("201", 0.3)]
    assert len(found.bars) + found.others == 202


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[NaN, 1.0]", b'"[0.5"', b"[" * 5000 + b"]" * 5000])
def test_what_is_not_an_answer_of_probabilities_has_none(body: bytes) -> None:
    assert chances.of_body(body) == []
