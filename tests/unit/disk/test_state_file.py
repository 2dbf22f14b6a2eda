"""What is read from disk is whole, or named: missing, damaged, written by a later version."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from localmodel.disk import state_file
from localmodel.disk.state_file import typed


@dataclass(frozen=True)
class Inner:
    size: int


@dataclass(frozen=True)
class Kept:
    name: str
    count: int
    inner: Inner
    tags: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    note: str | None = None
    free: Mapping[str, Any] = field(default_factory=dict)


WHOLE = {"name": "a", "count": 1, "inner": {"size": 2}}


def test_what_is_whole() -> None:
    assert typed(WHOLE, Kept) == Kept("a", 1, Inner(2))
    value = {**WHOLE, "tags": {"a": "b"}, "parts": ["c"], "note": None, "free": {"x": [1]}}
    assert typed(value, Kept) == Kept("a", 1, Inner(2), {"a": "b"}, ("c",), None, {"x": [1]})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"count": "1"}, "count is not a whole number"),
        ({"count": True}, "count is not a whole number"),
        ({"count": 1.0}, "count is not a whole number"),
        ({"name": None}, "name is not text"),
        ({"inner": []}, "inner is not an object"),
        ({"inner": {}}, "inner.size is missing"),
        ({"tags": {"a": 1}}, "tags.a is not text"),
        ({"parts": "abc"}, "parts is not a list"),
        ({"parts": [1]}, r"parts\[0\] is not text"),
        ({"note": 3}, "note is not text"),
    ],
)
def test_a_field_of_another_type(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        typed({**WHOLE, **change}, Kept)


def test_what_cannot_be_read_is_skipped_and_nothing_else() -> None:
    from localmodel.errors import UserError

    def fails() -> None:
        raise UserError("Busy", "another command")

    with pytest.raises(UserError):
        state_file.or_skip(fails)


def test_a_file_that_is_put_there_while_it_is_looked_for_is_not_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "status.json").write_text("{}")
    monkeypatch.setattr(state_file, "read_file", lambda *_: None)
    assert state_file.bytes_of(tmp_path / "status.json") is None
