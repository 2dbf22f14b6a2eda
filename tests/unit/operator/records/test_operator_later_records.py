"""What a later operator has written down is read after a downgrade."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from localmodel_operator.records import pin
from localmodel_operator.records.pin import Pin
from localmodel_operator.trials import record
from localmodel_operator.trials.record import Record


@pytest.mark.parametrize(
    ("parse", "written"),
    [(record.parse, Record(3, "sha256:1", 2, failed="R: text")), (pin.parse, Pin("3 generation=2", "sha256:1"))],
)
def test_fields_that_only_a_later_operator_knows_are_passed_over(
    parse: Callable[[str], Any], written: Record | Pin
) -> None:
    assert parse(written.text()) == written
    assert parse(json.dumps({**json.loads(written.text()), "invented": {"later": 1}})) == written
    assert parse("") is None
