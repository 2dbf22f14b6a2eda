"""json.loads of the very text that run() was given is answered with what the server has parsed."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from localmodel_worker.script import json_shortcut

TEXT = "".join(['{"a"', ": 1}"])  # not interned: an equal text is another object
PARSED = pickle.dumps({"from": "server"})


@pytest.fixture
def loads() -> Iterator[Any]:
    original = json.loads
    json_shortcut.install()
    json_shortcut.expect(TEXT, PARSED)
    yield json.loads
    json_shortcut.expect("", b"")
    json.loads = original


def test_only_the_same_text_without_options_is_answered(loads: Any) -> None:
    assert loads(TEXT) == {"from": "server"}
    assert loads("".join(['{"a"', ": 1}"])) == {"a": 1}
    assert loads(TEXT, parse_int=float) == {"a": 1.0}
    assert loads(TEXT.encode()) == {"a": 1}


def test_each_call_gives_a_value_of_its_own(loads: Any) -> None:
    loads(TEXT)["more"] = 1
    assert loads(TEXT) == {"from": "server"}


def test_it_ends_with_the_request(loads: Any) -> None:
    json_shortcut.expect("", b"")
    assert loads(TEXT) == {"a": 1}
    with pytest.raises(json.JSONDecodeError):
        loads("")


def test_errors_are_the_standard_librarys(loads: Any) -> None:
    with pytest.raises(json.JSONDecodeError, match="line 1 column 2"):
        loads("{")


def test_scripts_that_parse_json_are_recognised(loads: Any) -> None:
    used = json_shortcut.is_used_by
    assert used(SimpleNamespace(json=json)) and used(SimpleNamespace(parse=json.loads))  # type: ignore[arg-type]
    assert not used(SimpleNamespace(dumps=json.dumps))  # type: ignore[arg-type]
