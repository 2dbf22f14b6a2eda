"""Which input a script's run() takes, found out when it is loaded."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from localmodel_worker.aml.aml_request import rawhttp
from localmodel_worker.client_errors import BadRequestError
from localmodel_worker.script.run_function import ContractError, RunFunction


def read(function: Callable[..., Any], **names: Any) -> RunFunction:
    module = ModuleType("score")
    vars(module).update(names)
    return RunFunction(function, module)


def test_the_first_parameter_gets_the_text_whatever_its_name() -> None:
    function = read(lambda anything, other=5: None)
    assert (function.mode, function.first) == ("text", "anything")
    assert function.from_text(bytearray(b' {"a": 1}\n')) == {"anything": ' {"a": 1}\n'}
    assert function.describe()["mode"] == "text"


def test_request_headers_may_stand_anywhere_and_are_no_data() -> None:
    function = read(lambda request_headers, data: None)
    assert function.first == "data"
    headers = [["content-type", "text/plain"], ["x-a", "1"], ["X-A", "2"]]
    assert function.with_headers({"data": ""}, headers)["request_headers"] == {
        "Content-Type": "text/plain",
        "X-A": "1, 2",
    }
    assert read(lambda data: None).with_headers({"data": ""}, headers) == {"data": ""}


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda *data: None, "*args"),
        (lambda data, **rest: None, "**kwargs"),
        (lambda data, /: None, "positional-only"),
        (lambda: None, "needs a parameter for the data"),
        (lambda request_headers: None, "besides request_headers"),
        (lambda data, second: None, "the parameter second never gets a value"),
    ],
    ids=["args", "kwargs", "positional", "none", "headers", "second"],
)
def test_signatures_that_no_server_can_call(function: Callable[..., Any], words: str) -> None:
    with pytest.raises(ContractError) as caught:
        read(function)
    assert words in str(caught.value)


def test_keyword_only_data() -> None:
    def run(*, data: str) -> str:
        return data

    assert read(run).call(**read(run).from_text(bytearray(b"x"))) == "x"


def test_a_function_without_a_signature_gets_the_text() -> None:
    contract = read(dict)  # written in C: from Python 3.13 on, not every such function is without one
    assert contract.mode == "text" and contract.first == "raw_data"


def test_rawhttp_also_under_a_decorator_that_hides_it() -> None:
    @rawhttp
    def run(request: Any) -> Any:
        return request

    def counted(data: Any) -> Any:
        return run(data)

    assert read(run).mode == "http"
    assert read(counted).mode == "http"
    assert read(lambda data: None, helper=run).mode == "text", "it speaks for the functions that it decorates alone"


def test_text_that_is_not_utf_8() -> None:
    with pytest.raises(BadRequestError, match="not UTF-8 text: invalid start byte at byte 2"):
        read(lambda data: None).from_text(bytearray(b"ab\xff"))


def test_run_batch_and_json_are_told() -> None:
    import json

    told = read(lambda data: None, json=json, run_batch=lambda texts: texts).describe()
    assert (told["run_batch"], told["reads_json"], told["rows"]) == (True, True, False)
    told = read(lambda data, request_headers: None, run_batch=lambda texts: texts).describe()
    assert (told["run_batch"], told["reads_json"]) == (False, False)
    assert read(lambda data: None, run_batch=5).describe()["run_batch"] is False
