from __future__ import annotations

import json
from typing import Any

import numpy
import pytest

from localmodel_worker.results import NotJsonError, encode_result


class Own:
    def __init__(self, text: Any) -> None:
        self._text = text

    def toJSON(self) -> Any:
        return self._text


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (None, {}),
        ("text", "text"),
        ((1, 2), [1, 2]),
        (Own('{"a": [1.5]}'), {"a": [1.5]}),
        ({"inner": Own('"x"')}, {"inner": "x"}),
    ],
)
def test_json(result: object, expected: object) -> None:
    assert json.loads(encode_result(result)) == expected


CIRCLE: list[object] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    "result", [float("nan"), [float("inf")], {1, 2}, b"x", CIRCLE, Own("no json"), Own("NaN"), {(): 1}]
)
def test_not_json(result: object) -> None:
    with pytest.raises(NotJsonError, match=r"^run\(\) returned a value that cannot be written as JSON: "):
        encode_result(result)


NAN = "which JSON does not have; replace it by a number or by None"


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ({"a": {"b": [1, float("nan")]}}, f"$.a.b[1] is NaN, {NAN}"),
        ([{"x y": (0.5, -float("inf"))}], f'$[0]["x y"][1] is -Infinity, {NAN}'),
        ({"a": numpy.array([1.0, numpy.inf])}, f"$.a[1] is Infinity, {NAN}"),
        (numpy.float32("nan"), f"$ is NaN, {NAN}"),
        ({"a": {float("nan"): 1}}, "a key of $.a is NaN, which JSON does not have"),
        ({"a": {(1, 2): 1}}, "a key of $.a is a tuple, and JSON's keys are text; write str() of it"),
        ({numpy.datetime64("2020-01-01"): 1}, "a key of $ is a numpy.datetime64, and JSON's keys are text; "),
        ({"a": [numpy.datetime64("2020-01-01")]}, "$.a[0]: a numpy.datetime64 is not a JSON type; return its text, "),
        (numpy.datetime64(1, "ns"), "$: a numpy.datetime64 is not a JSON type; "),
        (numpy.array([1], "M8[ns]"), "$: a numpy.ndarray of datetime64[ns] is not a JSON type; "),
        ({"d": numpy.timedelta64(1, "s")}, "$.d: a numpy.timedelta64 is not a JSON type; "),
        (numpy.complex64(1), "$: a numpy.complex64 is not a JSON type; "),
        ({"a": {1, 2}}, "$.a: a set is not a JSON type; "),
        ([CIRCLE], "$[0][0] is a list that contains itself"),
        ({"a": Own("no json")}, "$.a: Expecting value"),
    ],
)
def test_what_it_is_and_where(result: object, told: str) -> None:
    with pytest.raises(NotJsonError) as error:
        encode_result(result)
    assert f"run() returned a value that cannot be written as JSON: {told}" in str(error.value)


def test_numpys_scalars_as_keys_are_written_as_pythons() -> None:
    values, counts = numpy.unique([7, 7, 9], return_counts=True)
    assert encode_result(dict(zip(values, counts, strict=True))) == b'{"7": 2, "9": 1}'
    keys = {numpy.int8(1): {numpy.bool_(True): 1}, numpy.float32(0.5): 1, numpy.str_("x"): [{numpy.uint64(2): None}]}
    assert encode_result(keys) == b'{"1": {"true": 1}, "0.5": 1, "x": [{"2": null}]}'
    assert encode_result(numpy.array([{numpy.int64(1): numpy.int64(2)}], object)) == b'[{"1": 2}]'
    assert encode_result({numpy.int64(1): float("nan")}, allow_nan=True) == b'{"1": NaN}'


def test_the_type_is_named() -> None:
    with pytest.raises(NotJsonError, match=r"a datetime\.date is not a JSON type"):
        encode_result({"day": __import__("datetime").date(2026, 1, 1)})
