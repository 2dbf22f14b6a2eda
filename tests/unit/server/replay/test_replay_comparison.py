"""What is told of a candidate's answers: counts and places, and no values."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from support.captured import captured_line

from localmodel_server.capture.ring import NEWER
from localmodel_server.configuration.replay import ReplayError, read_replay
from localmodel_server.replay import requests
from localmodel_server.replay.comparison import Comparison
from localmodel_server.replay.requests import Request
from localmodel_untrusted import replayed
from localmodel_untrusted.answer_difference import Answer, Rules
from localmodel_untrusted.json_difference import Tolerance
from localmodel_untrusted.json_path import parse_pattern
from localmodel_untrusted.replayed import Replayed

SECRET = "123-45-6789"


def answer(value: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode(), 1.0)


def result(*answers: tuple[Any, Any, Any], rules: Rules | None = None, wanted: int = 1) -> Replayed:
    comparison = Comparison(rules or Rules())
    for first, again, new in answers:
        comparison.add(*(one if isinstance(one, Answer) else answer(one) for one in (first, again, new)))
    return comparison.result(wanted)


def test_what_differs_from_itself_is_named_and_in_no_answer_a_change() -> None:
    told = result(
        *(({"score": n, "at": n}, {"score": n, "at": n + 1}, {"score": n, "at": n + 2}) for n in range(3)),
        ({"score": 7, "at": 1}, {"score": 7, "at": 1}, {"score": SECRET, "at": 5}),
    )
    assert (told.compared, told.changed, told.unstable, dict(told.fields)) == (4, 1, ("$.at",), {"$.score": 1})
    assert told.text() == (
        "1 of 4 answers to captured requests change: $.score in 1; not compared, because what served differs from "
        "itself there: $.at"
    )


def test_another_status_another_kind_and_no_answer_are_changes() -> None:
    told = result(
        (1, 1, answer(1, 500)), ({"a": 1}, {"a": 1}, [1]), ([1], [1], Answer(0, b"", 0.0)), ([1, 2], [1, 2], [1])
    )
    assert told.changed == 4 and dict(told.fields) == {"status": 2, "$": 2}


def test_a_request_that_is_answered_in_other_lengths_each_time_is_left_out() -> None:
    told = result(([1], [1, 2], [5]), (answer(1), answer(1, 500), 2))
    assert (told.compared, told.changed) == (0, 0) and sum(told.left_out.values()) == 2


def test_what_is_close_or_ignored_is_no_change() -> None:
    rules = Rules(Tolerance(0.01), (parse_pattern("$.rows[*].time"),))
    row = {"score": 0.5, "rows": [{"time": 1}, {"time": 2}]}
    new = {"score": 0.505, "rows": [{"time": 3}, {"time": 4}]}
    assert result((row, row, new), rules=rules).changed == 0
    assert result((row, row, new)).changed == 1


def test_too_few_say_so_and_say_nothing_else() -> None:
    told = result((1, 1, 2), wanted=2)
    assert not told.is_enough
    assert "only 1 answers to captured requests could be compared, so that nothing is judged" in told.text()
    assert "minRequests is 2" in told.text()


@pytest.mark.parametrize("deep", [b"[" * 900 + b"]" * 900, b"[" * 100_000])
def test_nesting_without_end_is_compared_as_text(deep: bytes) -> None:
    other = Answer(200, deep + b" ", 1.0)
    assert result((Answer(200, deep, 1.0), Answer(200, deep, 1.0), other)).changed == 1


def test_the_results_of_several_pods_are_one() -> None:
    first = Replayed(2, 3, 1, {"$.a": 1}, ("$.t",), {"values in it are redacted": 1})
    second = Replayed(2, 2, 1, {"$.a": 1, "$.b": 1}, (), {})
    too_few = Replayed(2, 1, 1, {"$.c": 1}, (), {})
    told = replayed.together([first, too_few, second])
    assert (told.compared, told.changed, dict(told.fields)) == (5, 2, {"$.a": 2, "$.b": 1})
    assert replayed.together([too_few, too_few._replace(compared=0)]) == too_few
    assert replayed.read(json.loads(json.dumps(first.as_json()))) == first


@pytest.mark.parametrize("field", Replayed._fields)
@pytest.mark.parametrize("value", [None, -1, True, 1.5, "x", [[1]], {"a": "b"}])
def test_what_a_pod_says_is_not_trusted(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"replayed.{field}"):
        replayed.read({**Replayed(1, 1, 0, {}, (), {}).as_json(), field: value})


def test_long_lists_of_places_are_cut() -> None:
    told = result(({f"k{n}": 1 for n in range(5000)}, {f"k{n}": 1 for n in range(5000)}, {}))
    assert told.changed == 1 and len(told.fields) <= 20 and len(told.text()) < 500 and "more" in told.text()


def test_a_server_cannot_make_a_status_long() -> None:
    names = {f"{n}\n{'x' * 300}": 1 for n in range(200)}
    told = replayed.read({**result((1, 1, 2)).as_json(), "fields": names, "left_out": names, "unstable": [*names]})
    text = replayed.together([told, told]).text()
    assert len(text) < 5000 and "\n" not in text


def test_long_answers_are_left_out() -> None:
    long = answer(["x" * (1 << 20)])
    told = result((long, long, answer(1)), (1, 1, 1))
    assert (told.compared, told.changed, sum(told.left_out.values())) == (1, 0, 1)


def test_the_latest_requests_are_asked_and_the_others_are_counted(tmp_path: Path) -> None:
    lines = [
        captured_line(id="old"),
        captured_line(id="b", path="/v2/a", query="x=1", body='{"a": "b"}'),
        captured_line(body=f'{{"ssn": "redacted:{SECRET}"}}'),
        captured_line(body=None),
        captured_line(status=499),
        captured_line(status=502),
        captured_line(method="DELETE"),
        captured_line(path="/a\nb"),
        captured_line(headers=[]),
        captured_line(body=None, body_base64="é"),
        b"[1]\n",
        b"[" * 100_000 + b"\n",
        captured_line(body=None, body_base64=base64.b64encode(b"\xff").decode(), headers={"content-type": "image/png"}),
    ]
    (tmp_path / NEWER).write_bytes(b"".join(lines))
    asked, left_out = requests.last(tmp_path, 12)
    assert asked == [
        Request("POST", "/score", b"\xff", "image/png"),
        Request("POST", "/v2/a?x=1", b'{"a": "b"}', "application/json"),
    ]
    assert left_out == {
        "values in it are redacted": 1,
        "the request was not kept": 1,
        "the client had left": 1,
        "it had failed": 1,
        "it is not a request that a client can send": 2,
        "the record is not valid": 4,
    }
    assert requests.last(tmp_path / "nothing", 10) == ([], {})


def test_settings_that_cannot_be_read_are_named() -> None:
    assert read_replay({}) is None
    for text in ("[]", "{}", '{"last": 1, "ignore": ["x"], "tolerance": "0", "maxChanged": 0, "minRequests": 1}'):
        with pytest.raises(ReplayError, match="LOCALMODEL_REPLAY"):
            read_replay({"LOCALMODEL_REPLAY": text})
