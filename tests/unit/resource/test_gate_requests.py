"""The gate's requests, from what users write to what the server reads."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localmodel.errors import UserError
from localmodel.resource import gate, schema
from localmodel.resource.spec import GateSpec
from localmodel_server.configuration.settings import SettingsError
from localmodel_server.gate import GateRequest, read
from localmodel_untrusted import json_path

NAMED = GateSpec(config_map="digits-gate")
FULL = {
    "name": "digit",
    "method": "GET",
    "path": "/score?data=1",
    "body": "{}",
    "contentType": "text/plain",
    "expect": {
        "status": 201,
        "json": [1],
        "tolerance": 0.5,
        "fields": [{"path": "$[0]", "equals": None, "tolerance": 2}],
        "maxMilliseconds": 20,
    },
}
STEPS = st.sampled_from([*list('$.[]"\\-01ab \n'), '["', '"]', "[0]", ".a", r"\u0061"])


def inline(*requests: Any) -> tuple[dict[str, Any], ...]:
    return gate.requests(GateSpec(requests))


def problem(config_map: dict[str, str | bytes] | None, *requests: Any) -> tuple[str, str]:
    with pytest.raises(UserError) as caught:
        gate.requests(GateSpec(requests) if requests else NAMED, config_map)
    return caught.value.reason, str(caught.value)


def of_text(text: str | bytes) -> str:
    reason, message = problem({"gate.yaml": text})
    assert reason == "GateInvalid"
    return message.replace("spec.update.gate.configMap: ConfigMap digits-gate: ", "")


def in_server(*requests: Any) -> tuple[GateRequest, ...]:
    return read(gate.text(inline(*requests)).decode())


def refused(content: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        read(content if isinstance(content, str) else json.dumps(content))
    return str(caught.value)


def test_no_gate_is_no_requests() -> None:
    assert gate.requests(None) == () == read("[]")
    assert gate.digest(()) == ""


def test_defaults_are_filled_in_and_the_original_is_left_alone() -> None:
    original: dict[str, Any] = {"body": "1", "expect": {"fields": [{"path": "$", "equals": 1}]}}
    (made,) = inline(original)
    assert made == {
        "method": "POST",
        "path": "/score",
        "body": "1",
        "contentType": "application/json",
        "expect": {"status": 200, "tolerance": 0, "fields": [{"path": "$", "equals": 1, "tolerance": 0}]},
    }
    assert original["expect"] == {"fields": [{"path": "$", "equals": 1}]}


@pytest.mark.parametrize("written", ["0.001", '"0.001"', "1.0e-3", "1e-3", '"1E-3"'])
def test_a_tolerance_in_a_file_is_a_number_or_its_text(written: str) -> None:
    text = f"- expect: {{json: 1, tolerance: {written}, fields: [&a {{path: $, equals: 1, tolerance: {written}}}, *a]}}"
    (made,) = gate.requests(NAMED, {"gate.yaml": text})
    assert [made["expect"]["tolerance"], *(each["tolerance"] for each in made["expect"]["fields"])] == [0.001] * 3
    assert in_server(*json.loads(gate.text((made,))))[0].expect.tolerance == 0.001


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (0.001, "0.001 is not of type 'string': write it in quotes"),
        ("0,001", "'0,001' is not a decimal number, such as 0.001 or 1e-6"),
        ("-1", "'-1' is not a decimal number, such as 0.001 or 1e-6"),
        ("nan", "'nan' is not a decimal number, such as 0.001 or 1e-6"),
    ],
)
def test_a_tolerance_in_a_manifest_is_the_text_of_a_decimal_number(given: Any, said: str) -> None:
    scoring = {"entryScript": "score.py", "source": {"inline": {"score.py": ""}}}
    spec = {"scoring": scoring, "update": {"gate": {"requests": [{"expect": {"tolerance": given}}]}}}
    manifest = {"apiVersion": schema.API_VERSION, "kind": schema.KIND, "metadata": {"name": "a"}, "spec": spec}
    with pytest.raises(UserError) as caught:
        schema.validate(manifest)
    assert str(caught.value) == f"spec.update.gate.requests[0].expect.tolerance: {said}"


def test_the_same_requests_have_the_same_digest_wherever_they_stand() -> None:
    from_map = gate.requests(NAMED, {"gate.yaml": b"- expect: {json: [1, 2.5]}\n  body: '1'\n"})
    assert from_map == inline({"body": "1", "expect": {"json": [1, 2.5]}})
    assert gate.digest(from_map) == gate.digest(inline({"body": "1", "expect": {"json": [1, 2.5]}, "method": "POST"}))
    assert gate.digest(from_map) != gate.digest(inline({"body": "1", "expect": {"json": [1, 2]}}))


def test_the_server_reads_all_of_it() -> None:
    assert in_server(FULL) == read(json.dumps([FULL]))
    ((name, method, path, body, kind, expect),) = in_server(FULL)
    assert (name, method, path, body, kind) == ("digit", "GET", "/score?data=1", b"{}", "text/plain")
    assert expect[:3] == (201, ([1],), 0.5) and expect.most_ms == 20
    assert expect.fields == (("$[0]", (0,), None, 2.0),)


def test_the_servers_defaults_are_the_schemas() -> None:
    assert in_server({}) == read("[{}]")


def test_null_is_a_value_to_expect() -> None:
    assert in_server({"expect": {"json": None}})[0].expect.whole == (None,)
    assert in_server({})[0].expect.whole == ()


def test_a_config_map_may_be_missing_or_lack_the_key() -> None:
    assert problem(None) == (
        "GateMissing",
        "spec.update.gate.configMap: ConfigMap digits-gate does not exist; apply it together with the deployment",
    )
    assert problem({"b": "", "a": ""}) == (
        "GateMissing",
        "spec.update.gate.configMap: ConfigMap digits-gate has no key gate.yaml (it has: a, b)",
    )


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"expekt": {}}, "spec.update.gate.requests[0].expekt: unknown field"),
        ({"expect": {"fields": [{"path": "$.a"}]}}, "requests[0].expect.fields[0]: 'equals' is a required property"),
        (
            {"expect": {"fields": [{"path": "$..a", "equals": 1}]}},
            "requests[0].expect.fields[0].path: '$..a' is not a path",
        ),
        ({"expect": {"json": {"a": {1: 2}}}}, "requests[0].expect.json.a: the name 1 is not text"),
        ({"contentType": "a\nb"}, "requests[0].contentType: printable ASCII"),
        ({"method": "DELETE"}, "requests[0].method: 'DELETE' is not one of"),
        ({"path": "score"}, "requests[0].path: 'score' does not match"),
        ({"body": "\ud800"}, "requests[0].body: not Unicode text"),
    ],
)
def test_a_field_of_the_manifest_is_named_by_its_path(request_: Any, said: str) -> None:
    reason, message = problem(None, request_)
    assert reason == "GateInvalid" and said in message and "\n" not in message


def test_every_wrong_field_of_a_config_map_is_named_with_its_line() -> None:
    text = """\
- body: "1"
  expekt: {}
- expect:
    json: 1
    fields:
      - {path: $.a..b, equals: 1}
      - path: $.a
      - {path: $, equals: 1,
         tolerance: -1}
"""
    assert of_text(text).splitlines() == [
        "gate.yaml:2: [0].expekt: unknown field",
        "gate.yaml:7: [1].expect.fields[1]: 'equals' is a required property",
        "gate.yaml:9: [1].expect.fields[2].tolerance: '-1' is not a decimal number, such as 0.001 or 1e-6",
    ]
    assert "gate.yaml:6: [1].expect.fields[0].path: '$.a..b' is not a path" in of_text(
        text.replace("  expekt: {}\n", "  expect: {}\n")
        .replace("- path: $.a\n", "- {path: $.a, equals: 0}\n")
        .replace("-1", "1")
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- body: 'x\n\n", "gate.yaml:3: not YAML: found unexpected end of stream"),
        (b"\xff", "gate.yaml: not YAML: not text in UTF-8"),
        ("- body: a\n".encode("utf-16"), "gate.yaml: not YAML: it is UTF-16, as PowerShell's > writes it: save it as"),
        ("- body: \x00", "gate.yaml: not YAML:"),
        ("body: 1", "gate.yaml: a list of requests is expected"),
        ("", "gate.yaml: a list of requests is expected"),
        ("[]", "gate.yaml:1: [] should be non-empty"),
        ("- body: 5", "gate.yaml:1: [0].body: 5 is not of type 'string'"),
        ("- expect: {json: !!set {a}}", "gate.yaml:1: [0].expect.json: set is not a JSON type"),
        (
            "- expect: {tolerance: .inf}",
            "gate.yaml:1: [0].expect.tolerance: 'inf' is not a decimal number, such as 0.001 or 1e-6",
        ),
        ("- &a [*a]", "gate.yaml:1: nested too deeply"),
        ("\n".join(["- {}"] * 33), "is too long"),
        ("\n".join([f"- body: {'x' * 70_000}"] * 2), "gate.yaml:1: larger than 128 KiB in all"),
    ],
)
def test_what_is_wrong_with_a_config_map(text: str | bytes, said: str) -> None:
    message = of_text(text)
    assert said in message and len(message) < 300


def test_a_few_anchors_do_not_fill_the_memory() -> None:
    lines = [f"- expect: {{json: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]}}" for n in range(9)]
    assert "larger than 128 KiB" in of_text("\n".join(["- expect: {json: &a [1]}", *lines]))


def test_a_date_is_a_text_as_for_the_api_server() -> None:
    (made,) = gate.requests(NAMED, {"gate.yaml": "- {expect: {json: [2026-01-31, .nan]}}"})
    assert made["expect"]["json"][0] == "2026-01-31"
    assert read(gate.text((made,)).decode())[0].expect.whole[0][1] != 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "gate: not JSON: "),
        ("[" * 100_000, "gate: "),
        ({}, "gate: requests: expected a list of 32 at most"),
        ([{}] * 33, "gate: requests: expected a list of 32 at most"),
        ([1], "gate: requests[0]: expected an object"),
        ([{"body": "x" * 131_072}], "gate: larger than 131072 bytes"),
        ([{}, {"headers": {}}], "gate: requests[1].headers: unknown field"),
        ([{"expect": {"minMilliseconds": 1}}], "gate: requests[0].expect.minMilliseconds: unknown field"),
        ([{"expect": []}], "gate: requests[0].expect: [] cannot be used"),
        ([{"expect": {"status": True}}], "gate: requests[0].expect.status: true cannot be used"),
        ([{"expect": {"tolerance": -1}}], "gate: requests[0].expect.tolerance: -1 cannot be used"),
        ([{"expect": {"fields": [{"path": "$"}]}}], "gate: requests[0].expect.fields[0].equals: missing"),
        ([{"expect": {"fields": [{"path": "a", "equals": 1}]}}], "fields[0].path: a path begins with $"),
        ([{"method": "PUT"}], 'gate: requests[0].method: "PUT" cannot be used'),
    ],
)
def test_the_server_refuses_what_it_does_not_understand(content: Any, said: str) -> None:
    assert said in refused(content)


@given(st.lists(STEPS).map("".join))
def test_both_sides_understand_the_same_paths(path: str) -> None:
    path = f"${path}"
    try:
        json_path.parse(path)
        understood = True
    except ValueError:
        understood = False
    asked = {"expect": {"fields": [{"path": path, "equals": 1}]}}
    if understood:
        assert inline(asked)[0]["expect"]["fields"][0]["path"] == path
    else:
        assert problem(None, asked)[0] == "GateInvalid"


def test_a_manifest_says_either_requests_or_a_config_map() -> None:
    def manifest(gate_: Any) -> dict[str, Any]:
        scoring = {"entryScript": "score.py", "source": {"inline": {"score.py": "x = 1"}}}
        spec = {"scoring": scoring, "models": [], "update": {"gate": gate_}}
        return {"apiVersion": schema.API_VERSION, "kind": schema.KIND, "metadata": {"name": "a"}, "spec": spec}

    found = schema.validate(manifest({"requests": [{}]}))["spec"]["update"]["gate"]["requests"]
    assert inline(*found) == inline({})
    for wrong in ({}, {"requests": [{}], "configMap": {"name": "a"}}):
        with pytest.raises(UserError, match=r"spec\.update\.gate: exactly one of requests and configMap"):
            schema.validate(manifest(wrong))
