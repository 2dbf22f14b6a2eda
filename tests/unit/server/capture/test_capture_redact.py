"""A redacted value is nowhere in the record, and equal values stay equal."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from localmodel_server.capture.exchange import Exchange
from localmodel_server.capture.record import line
from localmodel_server.capture.redact import Redactor
from localmodel_server.configuration.capture import CaptureSettings
from localmodel_server.messages.request_ids import read_ids

SECRET = "123-45-6789"


def captured(
    body: Any,
    answer: Any = None,
    *redact: str,
    salt: bytes = b"salt",
    settings: CaptureSettings | None = None,
    **changes: Any,
) -> tuple[str, dict[str, Any]]:
    """The line, and the record that it is."""
    settings = settings or CaptureSettings(
        Path("/nowhere"), 100, redact=redact or ("$.ssn",), headers=frozenset({"x-user"})
    )
    exchange = Exchange(
        time=0.0,
        request_id="a-1",
        origin=("3", ""),
        dialect="azure",
        method="POST",
        path="/score",
        query="",
        headers=[(b"content-type", b"application/json")],
        body=body if body is None or isinstance(body, bytes) else json.dumps(body).encode(),
        status=200,
        answer_headers=[(b"content-type", b"application/json")],
        answer=answer if isinstance(answer, bytes) else json.dumps(answer).encode(),
        milliseconds=1.0,
    )
    written = line(exchange._replace(**changes), settings, Redactor(settings.redact, settings.paths, salt)).decode()
    return written, json.loads(written)


def body_of(record: dict[str, Any]) -> Any:
    return json.loads(record["body"])


def test_a_value_is_replaced_and_everything_else_stays() -> None:
    text, record = captured({"ssn": SECRET, "age": 41, "ok": True, "none": None}, [0.5])
    assert SECRET not in text
    assert body_of(record)["ssn"].startswith("redacted:")
    assert {name: body_of(record)[name] for name in ("age", "ok", "none")} == {"age": 41, "ok": True, "none": None}
    assert record["answer"] == "[0.5]"
    assert "left_out" not in record


def test_equal_values_have_equal_hashes_and_others_have_others() -> None:
    masked = [body_of(captured({"ssn": value})[1])["ssn"] for value in (SECRET, SECRET, "987-65-4321")]
    assert masked[0] == masked[1] != masked[2]


def test_a_hash_that_happens_to_hold_a_value_stays_whole() -> None:
    masked = body_of(captured({"ssn": SECRET})[1])["ssn"]
    _, record = captured({"ssn": SECRET, "other": masked[-5:]}, None, "$.ssn", "$.other")
    assert body_of(record)["ssn"] == masked


def test_another_salt_makes_other_hashes() -> None:
    first, second = (body_of(captured({"ssn": SECRET}, salt=salt)[1])["ssn"] for salt in (b"a", b"b"))
    assert first != second


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("$.person.ssn", {"person": {"ssn": SECRET}}),
        ("$.data[*].ssn", {"data": [{"ssn": SECRET}, {"ssn": SECRET}, {"name": "without"}]}),
        ("$.data[*][1]", {"data": [[1, SECRET], [2, SECRET]]}),
        ("$.data[-1]", {"data": ["a", SECRET]}),
        ('$["social security"]', {"social security": SECRET}),
        ('$["a[*]b"][*]', {"a[*]b": [SECRET]}),
        ("$.person", {"person": {"ssn": SECRET, "of": [SECRET]}}),
        ("$", SECRET),
    ],
)
def test_paths_reach_into_objects_and_arrays(path: str, body: Any) -> None:
    text, record = captured(body, {"echo": SECRET}, path)
    assert SECRET not in text
    assert "redacted:" in record["body"]


@pytest.mark.parametrize(
    "answer",
    [
        {"echo": f"of {SECRET}!"},
        {SECRET: 1},
        json.dumps({"nested": SECRET}),
        {"message": f"ValueError: cannot use {SECRET}"},
        {"ssn": SECRET},
    ],
)
def test_a_value_is_nowhere_in_the_answer(answer: Any) -> None:
    assert SECRET not in captured({"ssn": SECRET}, answer)[0]


def test_a_value_is_nowhere_in_the_rest_of_the_request() -> None:
    headers = [(b"content-type", f"a/b; of={SECRET}".encode()), (b"x-user", SECRET.encode())]
    text, _ = captured(
        {"ssn": SECRET, "note": f"see {SECRET}", SECRET: 0},
        request_id=SECRET,
        path=f"/score/{SECRET}",
        query=f"of={SECRET}",
        headers=headers,
    )
    assert SECRET not in text


@pytest.mark.parametrize("name", ["Jürgen Groß", 'O"Brien\\', "a&b=c d"])
def test_a_value_is_nowhere_in_another_spelling(name: str) -> None:
    in_address, in_text = quote(name), json.dumps(name)[1:-1]
    text, record = captured({"ssn": name}, json.dumps({"nested": name}), query=f"of={in_address}")
    assert not {name, in_address, in_text} & {*json.loads(record["answer"]).split('"'), record["query"], text}
    assert json.loads(json.loads(record["answer"]))["nested"].startswith("redacted:")
    assert "redacted" in record["query"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Müller", r'{"n":"M\u00FCller"}'),
        ("Müller", "/?n=M%c3%bcller"),
        ("Jürgen Groß", "/?n=J%c3%BCrgen%20Gro%c3%9F"),
        ("a/b c", r'{"n":"a\/b c"}'),
        ("ä/b", r'{"n":"\u00E4\/b"}'),
        ("a/b c", "/?n=a%2Fb%20c"),
        ("O'Brien & Söhne", r'{"n":"O\u0027Brien \u0026 S\u00F6hne"}'),
        ("O'Brien (Söhne)", "/?n=O'Brien%20(S%C3%B6hne)"),
        ('O"Brien\\ü', r'{"n":"O\u0022Brien\u005C\u00FC"}'),
        ("50%a", "50%ab"),
        ("a\\", "a\\/b"),
    ],
)
def test_a_value_is_not_there_with_its_characters_escaped_in_another_way(name: str, text: str) -> None:
    for known in (name, "Jones"):  # only where the name is redacted the text changes
        _, record = captured({"ssn": known, "log": text}, headers=[(b"x-user", text.encode())])
        for kept in (body_of(record)["log"], record["headers"]["x-user"]):
            assert ("redacted:" in kept, kept == text) == (known == name, known != name)
            if text.startswith("{"):
                json.loads(kept)


def test_the_names_in_an_object_are_values_too() -> None:
    body = {"customers": {SECRET: {"age": 41}, "": 1}, "note": f"ask {SECRET}"}
    text, record = captured(body, {"risk": {SECRET: 0.3}}, "$.customers")
    assert SECRET not in text
    (name,) = json.loads(record["answer"])["risk"]
    assert body_of(record)["note"] == f"ask {name}"


def test_numbers_are_values_too() -> None:
    text, record = captured({"ssn": 4111, "age": 41}, {"is": 4111, "float": 4111.0, "text": "no. 4111", "other": 41})
    assert "4111" not in text
    assert json.loads(record["answer"])["other"] == 41
    assert body_of(record)["age"] == 41


def test_a_short_value_is_replaced_only_where_it_stands_alone() -> None:
    _, record = captured({"ssn": "M"}, {"sex": "M", "text": "it is M.", "word": "Model"})
    answer = json.loads(record["answer"])
    assert answer["sex"].startswith("redacted:")
    assert answer["text"].startswith("it is redacted:")
    assert answer["word"] == "Model"


def test_a_value_that_the_answer_alone_has_is_replaced_at_the_same_path_and_wherever_it_occurs() -> None:
    text, _ = captured({"ssn": "other"}, {"ssn": SECRET, "text": f"it is {SECRET}"})
    assert SECRET not in text


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (f"ssn,age\n{SECRET},41\n".encode(), "not JSON"),
        (f'--b\r\ncontent-disposition: form-data; name="ssn"\r\n\r\n{SECRET}\r\n--b--'.encode(), "not JSON"),
        (f'{{"ssn": "{SECRET}"'.encode(), "not JSON"),
        ({"SSN": SECRET}, "$.ssn"),
        ({"data": [{"ssn": SECRET}]}, "$.ssn"),
        ([SECRET], "$.ssn"),
        (f'{{"ssn": "{SECRET}", "ssn": "other"}}'.encode(), "the same name twice"),
    ],
)
def test_where_the_value_cannot_be_told_everything_is_left_out_and_the_record_says_why(body: Any, why: str) -> None:
    headers = [(b"content-type", f"a/b; of={SECRET}".encode()), (b"x-user", SECRET.encode())]
    text, record = captured(body, f"no: {SECRET}", query=f"of={SECRET}", headers=headers, answer_headers=headers)
    assert SECRET not in text
    assert not {"body", "answer"} & set(record)
    assert why in record["left_out"]["body"]
    assert record["status"] == 200


@pytest.mark.parametrize("is_ours", [True, False])
def test_what_the_client_wrote_beside_a_body_that_cannot_be_searched_is_not_there(is_ours: bool) -> None:
    # The last one counts.
    headers = [] if is_ours else [(b"x-request-id", b""), (b"x-request-id", SECRET.encode())]
    request_id, ours = read_ids(headers)[:2]
    text, record = captured(b"{", request_id=request_id, id_is_ours=ours, path=f"/v2/{SECRET}", headers=headers)
    assert SECRET not in text
    assert record["id"] == request_id if is_ours else record["id"].startswith("redacted:")


@pytest.mark.parametrize("path", ["/v2/models/%31%32%33-45-6789/infer", f"/v2/models/{SECRET}/infer"])
def test_a_value_is_not_in_the_path_in_whatever_way_it_is_spelled(path: str) -> None:
    _, record = captured({"ssn": SECRET}, path=path)
    assert record["path"].startswith("/v2/models/redacted:")
    assert captured({"ssn": "other"}, path="/a%20b")[1]["path"] == "/a%20b"


def test_a_value_is_not_in_the_content_type_that_a_script_has_made() -> None:
    kind = f"application/json; of={SECRET}".encode()
    assert SECRET not in captured({"ssn": SECRET}, 1, answer_headers=[(b"content-type", kind)])[0]


def test_an_answer_that_is_not_json_is_left_out() -> None:
    text, record = captured({"ssn": SECRET}, f"<p>{SECRET}</p>".encode())
    assert SECRET not in text
    assert "not JSON" in record["left_out"]["answer"]


def test_a_request_without_a_body_has_its_values_in_the_query() -> None:
    text, record = captured(b"", {"echo": SECRET}, query=f"ssn={SECRET}&age=41", method="GET")
    assert SECRET not in text
    assert record["query"].endswith("&age=41")


def test_a_parameter_or_a_header_beside_a_body_is_redacted_by_its_name_and_wherever_it_occurs() -> None:
    text, record = captured({"ssn": "other"}, {"echo": SECRET}, query=f"ssn={SECRET}&age=41")
    assert SECRET not in text
    assert record["query"].endswith("&age=41")
    text, _ = captured({"x-user": "other"}, {"echo": SECRET}, "$.x-user", headers=[(b"x-user", SECRET.encode())])
    assert SECRET not in text


def test_a_parameter_or_a_header_has_its_name_in_any_case() -> None:
    text, _ = captured({"SSN": "other"}, {"echo": SECRET}, "$.SSN", query=f"ssn={SECRET}")
    assert SECRET not in text
    text, _ = captured({"X-User": "other"}, {"echo": SECRET}, "$.X-User", headers=[(b"x-user", SECRET.encode())])
    assert SECRET not in text


def test_a_value_in_the_middle_of_another_is_gone_with_it() -> None:
    text, record = captured({"ssn": SECRET, "area": "123-45"}, {"echo": f"{SECRET} of 123-45"}, "$.ssn", "$.area")
    assert "123-45" not in text
    ssn, area = (body_of(record)[name] for name in ("ssn", "area"))
    assert json.loads(record["answer"])["echo"] == f"{ssn} of {area}"


def test_a_value_that_stands_very_often_in_one_text_leaves_everything_out() -> None:
    _, record = captured({"ssn": "1234"}, {"echo": "1234 " * 20_000})
    assert "too often" in record["left_out"]["answer"]


def test_many_values_are_not_searched_for_in_a_long_text() -> None:
    body = {"ssn": [f"{SECRET}-{number}" for number in range(900)]}
    _, record = captured(body, {"echo": "a" * (1 << 19)})
    assert "too long" in record["left_out"]["answer"]


def names(count: int) -> list[str]:
    return [
        "n" + "".join(letters) for letters in itertools.islice(itertools.product("abcdefghijklmnop", repeat=3), count)
    ]


def test_many_texts_without_a_value_cost_nothing_for_each_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("localmodel_server.capture.redact._MOST_STEPS", 600_000)  # "all" takes nearly all of them
    body = {
        "ssn": names(1000),
        "all": " ".join(names(1000)),
        "others": [""] * 20_000 + [f"no {i}" for i in range(9000)],
    }
    _, record = captured(body)
    assert "left_out" not in record
    assert body_of(record)["all"].count("redacted:") == 1000
    assert body_of(record)["others"] == body["others"]


@pytest.mark.parametrize(
    "others",
    [
        ["".join(names(200)) + f" {number}" for number in range(60)],  # each value in each text
        ["naaa " * 1000 + " ".join(names(200))],  # each value in a text of many pieces
    ],
    ids=["texts", "pieces"],
)
def test_a_search_of_too_many_steps_leaves_everything_out(others: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("localmodel_server.capture.redact._MOST_STEPS", 100_000)
    text, record = captured({"ssn": names(200), "others": others}, {"echo": "naaa"})
    assert "naaa" not in text
    assert "too often" in record["left_out"]["body"]


def test_a_header_is_searched_in_its_own_encoding() -> None:
    text, record = captured({"ssn": "Groß"}, headers=[(b"x-user", "of Groß".encode())])
    assert record["headers"]["x-user"].startswith("of redacted:"), text


def test_without_answers_the_rest_is_kept() -> None:
    settings = CaptureSettings(Path("/nowhere"), 100, answers=False, redact=("$.ssn",))
    _, record = captured({"ssn": SECRET}, SECRET.encode(), settings=settings)
    assert "redacted:" in record["body"]
    assert "answer" not in record and "left_out" not in record


def test_an_empty_answer_needs_no_search() -> None:
    _, record = captured({"ssn": SECRET}, b"", status=499)
    assert (record["answer"], "left_out" in record) == ("", False)


def test_a_body_that_is_not_whole_is_not_taken_for_none() -> None:
    text, record = captured(None, {"echo": SECRET}, query="ssn=other")
    assert SECRET not in text
    assert "the body is incomplete" in record["left_out"]["answer"]


def test_too_many_values_to_look_for_leave_everything_out() -> None:
    body = {"ssn": [f"{SECRET}-{number}" for number in range(2000)]}
    text, record = captured(body, {"echo": f"{SECRET}-7"})
    assert SECRET not in text
    assert "more than" in record["left_out"]["body"]


def test_a_body_that_is_nested_too_deeply_is_left_out() -> None:
    for depth in (400, 900, 990, 100_000):
        deep = b'{"ssn": "123-45-6789", "deep": ' + b"[" * depth + b"]" * depth + b"}"
        text, record = captured(deep, 1, "$.ssn")
        assert SECRET not in text
        assert record["status"] == 200


@pytest.mark.parametrize("path", ["$" + "[*]" * 166, "$" + "[0]" * 166, "$" + ".a" * 249])
def test_a_path_may_be_as_deep_as_the_resource_lets_it(path: str) -> None:
    steps = path.count("[") or path.count(".")
    body = json.dumps(SECRET)
    for _ in range(steps):
        body = f"[{body}]" if "[" in path else f'{{"a": {body}}}'
    text, record = captured(body.encode(), {"echo": SECRET}, path)
    assert SECRET not in text
    assert "redacted:" in record["body"]
