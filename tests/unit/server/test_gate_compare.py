"""What counts as the expected answer, and what is said of one that is not."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localmodel_server.gate.ask import GateAnswer
from localmodel_server.gate.check import wrong
from localmodel_server.gate.compare import difference
from localmodel_server.gate.request import read
from localmodel_untrusted import json_path

NAN = math.nan
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def expected(answer: GateAnswer, **expect: Any) -> str | None:
    (request,) = read(json.dumps([{"expect": expect}]))
    return wrong(answer, request.expect)


def answer(body: Any, status: int = 200, milliseconds: float = 1.0, error: str = "") -> GateAnswer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return GateAnswer(status, content, milliseconds, error, "")


@given(VALUES)
def test_every_value_is_the_same_as_itself_after_a_journey_as_json(value: Any) -> None:
    assert difference(value, json.loads(json.dumps(value))) is None


@given(VALUES, VALUES)
def test_values_are_the_same_when_their_json_is(one: Any, other: Any) -> None:
    """As far as a JSON text tells: numbers that are equal may be written in two ways."""
    if json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True):
        assert difference(one, other) is None
    assert (difference(one, other) is None) == (difference(other, one) is None)


@given(VALUES, VALUES)
def test_a_difference_is_one_short_line(one: Any, other: Any) -> None:
    found = difference(one, [other], at="$")
    assert found is None or found.partition(": ")[2].isprintable()


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False), st.floats(0, 1e6))
def test_a_number_is_within_its_tolerance(number: float, tolerance: float) -> None:
    assert difference(number, number, tolerance) is None
    assert difference([number], [number + 4 * tolerance + 1e-3 * abs(number) + 1e-3], tolerance) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [(2, 2.0), (-0.0, 0), (NAN, NAN), (math.inf, math.inf), (10**400, 10**400), ([1, {"a": None}], [1.0, {"a": None}])],
)
def test_the_same(one: Any, other: Any) -> None:
    assert difference(one, other) is None


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (2, 7, "$: expected 2, got 7"),
        (1, True, "$: expected 1, got true"),
        (False, 0, "$: expected false, got 0"),
        (1, "1", '$: expected 1, got "1"'),
        (None, 0, "$: expected null, got 0"),
        (1.0, NAN, "$: expected 1.0, got NaN"),
        (10**400, 1e308, f"$: expected 1{'0' * 76}..., got 1e+308"),
        ([2], [7], "$[0]: expected 2, got 7"),
        ([1, 2], [1], "$: expected 2 items, got 1 item"),
        ({"a": [1]}, {"a": {"0": 1}}, '$.a: expected [1], got {"0": 1}'),
        ({"a": {"odd key": 1}}, {"a": {"odd key": 2}}, '$.a["odd key"]: expected 1, got 2'),
        ({"a": 1}, {}, "$.a: expected 1, got nothing"),
        ({}, {"a": 1}, "$.a: expected nothing, got 1"),
        ("a", "b\n\x1b[2J", r'$: expected "a", got "b\n\u001b[2J"'),
        ("a", "\x85\u202eb", r'$: expected "a", got "\x85\u202eb"'),
        ("ä", "b" * 500, f'$: expected "ä", got "{"b" * 76}...'),
    ],
)
def test_what_is_said_of_a_difference(one: Any, other: Any, said: str) -> None:
    assert difference(one, other) == said


@pytest.mark.parametrize(
    ("one", "other", "tolerance", "said"),
    [
        (0.3, 0.4, 0.1, None),  # although 0.4 - 0.3 > 0.1 in binary
        (0.3, 0.41, 0.1, "$: expected 0.3 within 0.1, got 0.41"),
        ([1, {"p": [0.5, "x"]}], [1, {"p": [0.5004, "x"]}], 0.001, None),
        ([1, {"p": [0.5, "x"]}], [1, {"p": [0.52, "x"]}], 0.001, "$[1].p[0]: expected 0.5 within 0.001, got 0.52"),
        (1, True, 5, "$: expected 1 within 5, got true"),
        ("a", "b", 5, '$: expected "a", got "b"'),
        (math.inf, 1e308, 1e308, "$: expected Infinity within 1e+308, got 1e+308"),
        (NAN, 0, 1, "$: expected NaN within 1, got 0"),
        (10**400, 10**400 + 3, 3, None),
        (1e308, -1e308, 1e308, "$: expected 1e+308 within 1e+308, got -1e+308"),
    ],
)
def test_a_tolerance_is_for_every_number(one: Any, other: Any, tolerance: float, said: str | None) -> None:
    assert difference(one, other, tolerance) == said


TREE = {"a": {"b": [10, {"odd key": 1, 'q"\\': 2, "": 3}, [4, 5]]}, "x-y_1": 6}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", TREE),
        ("$.a.b[0]", 10),
        ("$.a.b[-1][-2]", 4),
        ('$.a["b"][1]["odd key"]', 1),
        (r'$.a.b[1]["q\"\\"]', 2),
        ('$.a.b[1][""]', 3),
        ("$.x-y_1", 6),
        (r'$["\u0061"].b[0]', 10),
    ],
)
def test_a_path_leads_to_its_value(path: str, found: Any) -> None:
    assert json_path.look_up(TREE, json_path.parse(path)) == found


@pytest.mark.parametrize("path", ["$.b", "$.a[0]", "$.a.b[3]", "$.a.b[-4]", "$.a.b.length", "$.a.b[0].c", '$.a.b["0"]'])
def test_a_path_to_nothing(path: str) -> None:
    with pytest.raises(json_path.MissingPathError):
        json_path.look_up(TREE, json_path.parse(path))


@pytest.mark.parametrize(
    "path",
    ["", "a", "a.b", "$a", "$.", "$..a", "$.a.", "$[", "$[a]", "$[1.5]", "$['a']", '$["a]', r'$["\q"]', "$[*]", "$.a "],
)
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(ValueError, match=r"begins with \$|is not a valid step of a path"):
        json_path.parse(path)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])) | st.integers(-99, 99)))
def test_a_path_is_read_as_it_is_written_in_messages(steps: list[str | int]) -> None:
    path = "$"
    for step in steps:
        path = json_path.below(path, step)
    assert json_path.parse(path) == tuple(steps)


def test_an_answer_as_expected() -> None:
    assert expected(answer({"a": [1, 2]}), json={"a": [1, 2]}, fields=[{"path": "$.a[1]", "equals": 2}]) is None
    assert expected(answer(b"no JSON at all")) is None
    assert expected(answer(None), json=None) is None
    assert expected(answer(b"", 404), status=404) is None


@pytest.mark.parametrize(
    ("given", "expect", "said"),
    [
        (answer(0), {"json": None}, "$: expected null, got 0"),
        (answer({"p": [7]}), {"fields": [{"path": "$.p[0]", "equals": 2}]}, "$.p[0]: expected 2, got 7"),
        (answer({"p": []}), {"fields": [{"path": "$.p[0]", "equals": 2}]}, "$.p[0]: expected 2, got nothing"),
        (
            answer([1, 1.25]),
            {"json": [1, 1], "tolerance": 0.5, "fields": [{"path": "$[1]", "equals": 1, "tolerance": 0.1}]},
            "$[1]: expected 1 within 0.1, got 1.25",
        ),
        (answer(b"<html>\n"), {"json": 1}, r'expected JSON, got "<html>\n"'),
        (answer(b""), {"fields": [{"path": "$", "equals": 1}]}, 'expected JSON, got ""'),
        (answer(b"[" * 100_000), {"json": 1}, f'expected JSON, got "{"[" * 76}...'),
        (answer(1, milliseconds=811.2), {"maxMilliseconds": 500}, "took 812 ms; the limit is 500 ms"),
        (answer(1, milliseconds=811.2), {"maxMilliseconds": 500, "json": 2}, "$: expected 2, got 1"),
        (answer({"message": "no such thing"}, 404), {}, "status: expected 200, got 404: no such thing"),
        (answer({"error": "mlflow's words"}, 400), {}, "status: expected 200, got 400: mlflow's words"),
        (answer({"message": "see log"}, 500, error="score.py:17: KeyError: 'age'"), {}, None),
        (answer(b"plain\ntext", 418), {}, r"status: expected 200, got 418: plain\ntext"),
        (answer(b"", 502), {}, "status: expected 200, got 502"),
        (answer(1), {"status": 400}, "status: expected 400, got 200: 1"),
    ],
)
def test_what_is_said_of_a_wrong_answer(given: GateAnswer, expect: dict[str, Any], said: str | None) -> None:
    said = said or "status: expected 200, got 500: score.py:17: KeyError: 'age'"
    assert expected(given, **expect) == said


def test_a_long_reason_is_cut() -> None:
    said = expected(answer(b"x" * 5000, 500))
    assert said is not None and len(said) < 250 and said.endswith("x...")
