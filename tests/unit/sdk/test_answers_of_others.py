"""What other programs answer may be anything: it is a sentence, or as if nothing had been said."""

from typing import Any

import pytest

from localmodel.azureml_files import document
from localmodel.debugger.debuggee import DebuggerState, read_state
from localmodel.errors import UserError
from localmodel.sdk import scoring, scoring_input, tracebacks
from localmodel.targets import http
from localmodel.targets.kind import kubectl
from localmodel.targets.machine.rollout import loading

DEEP = b"[" * 200_000
BAD = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"5",
    b"\xff",
    DEEP,
    b'{"revision": 1e400, "message": 5}',
    b'{"revision": "x"}',
    b'{"revision": null}',
    b'{"id": "\\ud800"}',
]


@pytest.mark.parametrize("body", BAD)
def test_a_server_that_is_not_ours(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "request", lambda *_, **__: http.Answer(200, {}, body, 0.0))
    number, why = loading.ask(7460)
    assert number is None and "7460" in why
    place = scoring_input.ScoringInput().place([1], "http://localhost:7460/score")
    assert place == scoring.UNDECORATED


@pytest.mark.parametrize("value", [None, 5, [], "x", {"properties": 5}, {"properties": {"a": 5}}])
def test_a_document_of_the_users_own(value: Any) -> None:
    for found in ({"components": value}, {"components": {"schemas": value}}):
        assert scoring.find_place([1], found) == scoring.UNDECORATED
    scoring.find_place([1], {"components": {"schemas": {"ServiceInput": value}}})


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", DEEP])
def test_an_answer_that_is_said_to_be_json(body: bytes) -> None:
    with pytest.raises(UserError, match="the answer cannot be read as application/json: "):
        scoring.decode("application/json", body)
    assert scoring._message(body)
    line = body.decode(errors="replace")
    assert list(tracebacks._message(line)) == [line]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", DEEP.decode(), "warning: x\n{}"])
def test_what_kubectl_prints(text: str) -> None:
    with pytest.raises(UserError, match="what kubectl prints cannot be read"):
        kubectl.items(text)


@pytest.mark.parametrize("content", BAD[1:])
def test_what_a_debuggee_tells(content: bytes) -> None:
    with pytest.raises(UserError, match="pod:/tmp/state is damaged"):
        read_state(content, "pod:/tmp/state")


def test_what_a_debuggee_tells_in_order() -> None:
    assert read_state(b"", "here") is None
    told = b'{"id": "1", "state": "normal", "revision": "2", "error": null}'
    assert read_state(told, "here") == DebuggerState("1", "normal", "2", None)


@pytest.mark.parametrize("text", ["[" * 20_000, "a: " + "[" * 20_000, "{" * 20_000, "", "null", "a: 2024-99-99"])
def test_a_file_of_azure_ml(text: str) -> None:
    with pytest.raises(UserError) as error:
        document.parse(text, "file.yml")
    assert error.value.reason == "AzureFileInvalid" and str(error.value).startswith("file.yml: ")
