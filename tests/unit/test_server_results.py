from __future__ import annotations

import json
from typing import Any

import pytest

from localmodel_worker.results import NotJson, encode_result


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
    with pytest.raises(NotJson, match=r"^run\(\) returned a value that cannot be written as JSON: "):
        encode_result(result)


def test_the_type_is_named() -> None:
    with pytest.raises(NotJson, match=r"a datetime\.date is not a JSON type"):
        encode_result({"day": __import__("datetime").date(2026, 1, 1)})
