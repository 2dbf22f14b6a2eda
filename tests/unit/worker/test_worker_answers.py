"""From a frame of requests to answers, with a real script file and no server."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localmodel_worker.answers import Answer, Answering
from localmodel_worker.frames import Frame
from localmodel_worker.script.entry_script import EntryScript, find_script

SCRIPT = """
from localmodel_worker.aml.aml_request import rawhttp
from localmodel_worker.aml.aml_response import AMLResponse

class Nasty(Exception):
    def __str__(self):
        raise SystemExit(5)

def init():
    pass

def run(text):
    if text == "exit":
        raise SystemExit(3)
    if text == "bytes":
        raise ValueError(b"\\xff".decode(errors="surrogateescape"))
    if text == "nasty":
        raise Nasty
    if text == "nan":
        return float("nan")
    if text == "set":
        return {1}
    if text == "response":
        return AMLResponse("made", 201, {"x-a": "1"})
    return {"got": text, "fail": 1 / len(text)}
"""
RAW = """
from localmodel_worker.aml.aml_request import rawhttp

def init():
    pass

@rawhttp
def run(request):
    return [request.method, request.path, request.args.to_dict(), request.get_json()]
"""
BATCH = """
calls = []

def init():
    pass

def run(text):
    calls.append(text)
    if text == "bad":
        raise ValueError(text)
    return {"alone": text}

def run_batch(texts):
    calls.append(texts)
    if "bad" in texts:
        raise ValueError("one of them")
    if "few" in texts:
        return ["one"]
    return [ValueError(text) if text == "own" else {"together": text} for text in texts]
"""


@pytest.fixture(autouse=True)
def _modules() -> Iterator[None]:
    yield
    sys.modules.pop("score", None)


def answering(folder: Path, script: str, strict: bool = False) -> Answering:
    (folder / "score.py").write_text(script)
    return Answering(EntryScript(find_script({"AML_APP_ROOT": str(folder)})), strict)


def ask(answers: Answering, *texts: bytes, **head: Any) -> list[Answer]:
    ids = [f"id-{number}" for number in range(len(texts))]
    lengths = {"lengths": [len(text) for text in texts]} if len(texts) > 1 else {}
    return answers.answer(Frame({"kind": "text", "ids": ids, **lengths, **head}, bytearray(b"".join(texts))))


def test_a_result_with_the_time_it_took(tmp_path: Path) -> None:
    (answer,) = ask(answering(tmp_path, SCRIPT), b"x")
    assert (answer.status, answer.body, answer.failed, answer.headers) == (
        200,
        b'{"got": "x", "fail": 1.0}',
        False,
        None,
    )
    assert answer.milliseconds is not None and answer.milliseconds >= 0


def test_an_error_of_the_script_is_in_the_log_alone(tmp_path: Path) -> None:
    (answer,) = ask(answering(tmp_path, SCRIPT), b"")
    assert (answer.status, answer.failed, answer.leaving, answer.milliseconds) == (500, True, False, None)
    assert b"ZeroDivisionError" not in answer.body
    assert answer.log.startswith("run() failed\nTraceback")
    assert "ZeroDivisionError" in answer.log


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"", "score.py:25: ZeroDivisionError: division by zero"),
        (b"bytes", "score.py:16: ValueError: ?"),
        (b"nasty", "score.py:18: Nasty"),
        (b"exit", "score.py:14: SystemExit: 3"),
    ],
)
def test_the_line_of_an_error_goes_to_the_server_not_to_the_client(tmp_path: Path, text: bytes, line: str) -> None:
    (answer,) = ask(answering(tmp_path, SCRIPT), text)
    first, _, traceback = answer.error.partition("\n")
    assert first == line
    assert traceback.startswith("Traceback (most recent call last):\n")
    assert traceback.encode()
    assert line.encode() not in answer.body


def test_leaving_answers_first(tmp_path: Path) -> None:
    (answer,) = ask(answering(tmp_path, SCRIPT), b"exit")
    assert (answer.status, answer.failed, answer.leaving) == (500, True, True)


def test_a_result_that_is_no_json(tmp_path: Path) -> None:
    (answer,) = ask(answering(tmp_path, SCRIPT), b"set")
    assert (answer.status, answer.failed, answer.milliseconds) == (500, False, None)
    assert b"cannot be written as JSON" in answer.body


def test_nan_is_written_bare_only_under_strict_parity(tmp_path: Path) -> None:
    assert ask(answering(tmp_path, SCRIPT), b"nan")[0].status == 500
    (answer,) = ask(answering(tmp_path, SCRIPT, strict=True), b"nan")
    assert (answer.status, answer.body) == (200, b"NaN")


def test_a_response_of_the_scripts_own(tmp_path: Path) -> None:
    (answer,) = ask(answering(tmp_path, SCRIPT), b"response")
    assert (answer.status, answer.body) == (201, b"made")
    assert ("x-a", "1") in (answer.headers or [])


def test_text_that_is_not_utf_8_never_reaches_the_script(tmp_path: Path) -> None:
    (answer,) = ask(answering(tmp_path, SCRIPT), b"\xff")
    assert (answer.status, answer.failed) == (400, False)


def test_a_text_for_a_rawhttp_script_is_a_post_of_json(tmp_path: Path) -> None:
    (answer,) = ask(answering(tmp_path, RAW), b"[1]")
    assert json.loads(answer.body) == ["POST", "/score", {}, [1]]
    headers = [["content-type", "application/json"]]
    (answer,) = ask(answering(tmp_path, RAW), b"[1]", kind="http", method="GET", target="/score?a=1", headers=headers)
    assert json.loads(answer.body) == ["GET", "/score", {"a": "1"}, [1]]


def test_what_the_client_got_wrong_is_told_but_not_under_strict_parity(tmp_path: Path) -> None:
    (answer,) = ask(answering(tmp_path, RAW), b"[1")
    assert (answer.status, answer.failed) == (400, False)
    assert b"not JSON" in answer.body
    (answer,) = ask(answering(tmp_path, RAW, strict=True), b"[1")
    assert (answer.status, answer.failed) == (500, True)


def test_an_error_in_an_installed_run_is_not_the_datas(tmp_path: Path) -> None:
    package = tmp_path / "elsewhere"
    package.mkdir()
    (package / "installed_run.py").write_text("def init(): pass\ndef run(data): return data['a']\n")
    sys.path.insert(0, str(package))
    try:
        (tmp_path / "app").mkdir()
        (answer,) = ask(answering(tmp_path / "app", "from installed_run import init, run\n"), b"x")
    finally:
        sys.path.remove(str(package))
        sys.modules.pop("installed_run", None)
    assert (answer.status, answer.failed) == (500, True)


def bodies(answers: list[Answer]) -> list[Any]:
    return [json.loads(answer.body) if answer.status == 200 else answer.status for answer in answers]


def test_run_batch_gets_all_texts_at_once(tmp_path: Path) -> None:
    answers = ask(answering(tmp_path, BATCH), b"a", "\u00e9".encode(), b"")
    assert bodies(answers) == [{"together": "a"}, {"together": "\u00e9"}, {"together": ""}]


def test_one_bad_text_fails_alone(tmp_path: Path) -> None:
    assert bodies(ask(answering(tmp_path, BATCH), b"a", b"bad", b"b")) == [{"alone": "a"}, 500, {"alone": "b"}]
    assert bodies(ask(answering(tmp_path, BATCH), b"a", b"\xff", b"b")) == [{"together": "a"}, 400, {"together": "b"}]
    assert bodies(ask(answering(tmp_path, BATCH), b"a", b"own")) == [{"together": "a"}, 500]


def test_too_few_results_are_no_results(tmp_path: Path) -> None:
    assert bodies(ask(answering(tmp_path, BATCH), b"a", b"few")) == [{"alone": "a"}, {"alone": "few"}]


def test_a_single_text_goes_to_run(tmp_path: Path) -> None:
    assert bodies(ask(answering(tmp_path, BATCH), b"a")) == [{"alone": "a"}]
