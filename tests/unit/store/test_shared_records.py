"""Records that others have written to a shared store: checked, because names and digests in them become paths."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localmodel.store.shared import checked
from localmodel.store.shared.tags import Key

KEY = Key("models", "iris", 3)
DIGEST = f"sha256:{'0' * 64}"
FIELDS = {
    "name": "iris",
    "version": 3,
    "digest": DIGEST,
    "weights": {"digest": DIGEST, "size": 1},
    "created": "2026-01-01T00:00:00+00:00",
}


def record(**changed: Any) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(checked.record(KEY, json.dumps({**FIELDS, **changed}).encode()))
    return content


def test_a_record_of_a_later_release_can_be_read() -> None:
    assert record(tags={"area": "eu"}, signature="of a later release")["tags"] == {"area": "eu"}
    assert "signature" not in record(signature="of a later release")


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "other"},
        {"version": 4},
        {"digest": "sha256:../../../../etc/passwd"},
        {"weights": {"digest": "sha256:../../../../etc/passwd", "size": 1}},
        {"weights": {"digest": DIGEST, "size": "1"}},
        {"tags": ["area"]},
    ],
    ids=str,
)
def test_a_record_that_leads_elsewhere_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"it is of|no valid digest|is not "):
        record(**changed)


def test_an_environment_that_asks_for_what_this_release_does_not_know_is_refused() -> None:
    """It would be another environment without it."""
    fields = {"name": "tools", "version": 1, "digest": DIGEST, "variables": {}, "created": "2026-01-01T00:00:00+00:00"}
    spec = {"python": "3.11", "requirements": ["numpy"], "base_image": None, "dockerfile": None}
    key = Key("environments", "tools", 1)
    assert json.loads(checked.record(key, json.dumps({**fields, "spec": spec}).encode()))["spec"] == spec
    with pytest.raises(ValueError, match="form"):
        checked.record(key, json.dumps({**fields, "spec": {**spec, "accelerator": "gpu"}}).encode())


def test_aliases_name_numbers() -> None:
    aliases = Key("models", "iris")
    assert checked.record(aliases, b'{"champion": 3}') == b'{"champion":3}'
    with pytest.raises(ValueError, match="whole number"):
        checked.record(aliases, b'{"champion": "3"}')
