"""State, conditions and timeline in words, and answers and requests as text."""

from __future__ import annotations

import ast
import json
import shlex

import pytest

from localmodel.targets.http import Answer
from localmodel.targets.target import DeploymentStatus, PastRevision
from localmodel.ui import words
from localmodel.ui.request import answers, snippets, trying
from localmodel_untrusted import json_text

SERVES = DeploymentStatus("digits", True, 2, "http://localhost:6789/score", "", durable=2)
BROKEN = DeploymentStatus("digits", False, 1, "http://localhost:6789/score", "score.py:3: KeyError", True, 1)
STARTS = DeploymentStatus("digits", False, None, "", "loading")


@pytest.mark.parametrize(
    ("status", "holds"),
    [
        (SERVES, {"Ready": True, "Available": True, "Durable": True}),
        (BROKEN, {"Ready": False, "Available": True, "Durable": True, "Needs a change": True}),
        (STARTS, {"Ready": False, "Available": False, "Durable": False}),
    ],
)
def test_conditions(status: DeploymentStatus, holds: dict[str, bool]) -> None:
    made = words.conditions(status, str)
    assert {condition.name: condition.holds for condition in made} == holds
    assert all(condition.text for condition in made)


def test_texts_are_rewritten_for_who_applied_a_folder() -> None:
    assert words.summary(BROKEN, str.upper) == "SCORE.PY:3: KEYERROR"
    assert words.conditions(BROKEN, str.upper)[0].text == "SCORE.PY:3: KEYERROR"


def test_only_what_has_served_and_does_not_serve_can_return() -> None:
    def past(revision: int, **fields: object) -> PastRevision:
        return PastRevision(revision, "2026-01-01T00:00:00Z", "score.py", "", "", {"digits:1": ""}, {}, **fields)  # type: ignore[arg-type]

    timeline = words.timeline([past(3, failed="InitFailed: it raised"), past(2, serving=True), past(1)], str)
    assert [entry.can_return for entry in timeline] == [False, False, True]
    assert timeline[0].failed == "it raised" and timeline[0].states == ("failed",)
    failed_in_trial = past(4, trial_failed="CanaryFailed: 2 of 9 answers failed")
    (tried,) = words.timeline([failed_in_trial], str)
    assert (tried.failed, tried.states, tried.can_return) == ("2 of 9 answers failed", ("trial failed",), True)
    in_a_notebook = failed_in_trial._repr_html_()
    assert "trial failed" in in_a_notebook and "2 of 9 answers failed" in in_a_notebook


BODY = '{"data": ["it\'s \\"q\\"", "$(x)`y`"]}'


def test_a_request_as_code_sends_the_same_body() -> None:
    curl, python, script = (snippet.text for snippet in snippets.of("http://localhost:6789/score", BODY))
    assert shlex.split(curl)[4:] == [BODY, "http://localhost:6789/score"]
    (call,) = (node for node in ast.walk(ast.parse(python)) if isinstance(node, ast.Call) and node.keywords)
    assert ast.literal_eval(call.keywords[0].value) == BODY
    assert json.dumps(BODY) in script


@pytest.mark.parametrize("part", ["", "image's"])
def test_a_file_as_code_is_read_by_its_name(part: str) -> None:
    file = snippets.File('a "b" \\ c\'s.png', "image/png", part)
    curl, python, script = (snippet.text for snippet in snippets.of_file("http://localhost:6789/score", file))
    words = shlex.split(curl)
    assert words[-1] == "http://localhost:6789/score"
    if part:
        assert words[1:3] == ["-F", 'image\'s=@"a \\"b\\" \\\\ c\'s.png"']
    else:
        assert words[1:5] == ["-H", "content-type: image/png", "--data-binary", f"@{file.name}"]
    texts = [node.value for node in ast.walk(ast.parse(python)) if isinstance(node, ast.Constant)]
    assert file.name in texts and (part or "image/png") in texts
    assert json.dumps(part or "image/png") in script


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("application/json", b"[2]", "[2]"),
        ("application/json; charset=utf-8", b"{", "{"),
        ("text/plain", "Grüße\xff".encode("latin-1"), "Gr\ufffd\ufffde\ufffd"),
        ("image/png", b"\x89PNG", "4 bytes of image/png"),
        ("", b"xy", "2 bytes of an unknown type"),
        ("", b"", ""),
    ],
)
def test_an_answer_is_shown_as_what_it_is(content_type: str, body: bytes, text: str) -> None:
    made = answers.shown(Answer(200, {"content-type": content_type, "x-localmodel-revision": "3"}, body, 0.0123))
    assert made.text == text and made.revision == "3" and made.milliseconds == 12.3


def test_a_long_answer_is_cut() -> None:
    text = answers.body_text("text/plain", b"x" * 300_000)
    assert len(text) < 201_000 and text.endswith("… and 100000 more characters")


@pytest.mark.parametrize("document", [{}, {"components": 5}, {"components": {"schemas": {"ServiceInput": []}}}])
def test_a_document_of_somebody_s_own_may_be_anything(document: dict[str, object]) -> None:
    assert trying.service_input(document) == {}


def test_a_body_that_is_not_json_has_no_controls() -> None:
    assert trying.fields("{", {}) == [] and trying.fields("\ud800", {}) == []


def test_an_answer_that_is_nested_too_deeply_for_indents_is_shown_as_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    """From Python 3.12 on, what reads JSON goes deeper than what writes it with indents."""
    value: object = 1
    for _ in range(5000):
        value = {"a": value}
    monkeypatch.setattr(json_text, "parse_loosely", lambda _: value)
    body = b'{"a":' * 5000 + b"1" + b"}" * 5000
    assert answers.body_text("application/json", body) == body.decode()
