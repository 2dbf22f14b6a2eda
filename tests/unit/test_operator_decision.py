"""The row of decisions, and the ConfigMap that each is written down in."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from operator_given import recorded

from localmodel_operator import decision
from localmodel_operator.decision import FIRST, Decision

METADATA = {"name": "digits-wanted", "namespace": "team"}
ONE, TWO, THREE = recorded(1), recorded(2), recorded(3)


def read_back(made: dict[str, Any]) -> Decision:
    return decision.read(json.loads(json.dumps(made)))


def test_every_decision_has_a_later_epoch_and_is_to_be_proved() -> None:
    now = FIRST
    for number, target in enumerate((ONE, TWO, ONE, TWO, TWO), start=1):
        now = now.next(target, pin="").done()
        assert (now.epoch, now.revision, now.content) == (number, target.number, target.revision.content)
        assert not now.next(target, pin="").committed


def test_the_two_that_served_last_are_remembered() -> None:
    now = FIRST.next(ONE, "").done()
    assert (now.good, now.before) == (1, None)
    now = now.next(TWO, "").done()
    assert (now.good, now.before) == (2, 1)
    assert now.done() == now, "to commit again what is committed is no news"


def test_what_was_never_proved_is_not_remembered() -> None:
    proved = FIRST.next(ONE, "").done().next(TWO, "").done()
    given_up = proved.next(THREE, "")
    assert (given_up.good, given_up.before) == (2, 1)
    back = given_up.next(TWO, "").done()
    assert (back.revision, back.good, back.before) == (2, 2, 1)
    assert back.epoch == given_up.epoch + 1


@pytest.mark.parametrize(
    "decided",
    [
        FIRST.next(ONE, ""),
        FIRST.next(ONE, "").done(),
        FIRST.next(ONE, "").done().next(TWO, '{"inputs": "x", "value": "2 please"}').done(),
    ],
)
def test_what_is_written_is_read_back(decided: Decision) -> None:
    assert read_back(decision.write(METADATA, decided, None)) == decided


def test_nothing_written_is_no_decision() -> None:
    assert decision.read(None) == FIRST


def test_a_pod_reads_the_same_file() -> None:
    """The scoring server knows these names."""
    made = decision.write(METADATA, FIRST.next(ONE, "pin").done(), None)
    told = json.loads(made["data"]["wanted.json"])
    assert told["epoch"] == 1
    assert told["revision"] == 1
    assert told["content"] == ONE.revision.content
    assert told["environment"] == "environment"
    assert told["committed"] is True
    assert "pin" not in told, "the pods have no use for it"


def test_the_place_of_the_last_one_is_taken_only_if_nobody_else_has_written() -> None:
    first = decision.write(METADATA, FIRST.next(ONE, ""), None)
    assert "resourceVersion" not in first["metadata"]
    first["metadata"]["resourceVersion"] = "17"
    second = decision.write(METADATA, FIRST.next(ONE, "").done(), first)
    assert second["metadata"]["resourceVersion"] == "17"


def test_gate_and_bundle_stay_until_they_are_replaced_or_taken_away() -> None:
    decided = FIRST.next(ONE, "")
    first = decision.write(METADATA, decided, None, gate=b"[1]", bundle=b"tar")
    assert first["data"]["gate.json"] == "[1]"
    assert base64.b64decode(first["binaryData"]["bundle.tar"]) == b"tar"

    same = decision.write(METADATA, decided.done(), first)
    assert same["data"]["gate.json"] == "[1]"
    assert same["binaryData"] == first["binaryData"]

    other = decision.write(METADATA, decided, first, gate=b"[2]", bundle=b"rat")
    assert other["data"]["gate.json"] == "[2]"
    assert base64.b64decode(other["binaryData"]["bundle.tar"]) == b"rat"

    none = decision.write(METADATA, decided, first, gate=b"", bundle=b"")
    assert set(none["data"]) == {"wanted.json"}
    assert "binaryData" not in none


def test_a_pin_that_was_ended_is_not_left_behind() -> None:
    first = decision.write(METADATA, FIRST.next(ONE, "asked"), None)
    assert read_back(decision.write(METADATA, FIRST.next(TWO, ""), first)).pin == ""


def test_a_large_bundle_is_left_out_and_not_the_last_one_left_in() -> None:
    first = decision.write(METADATA, FIRST.next(ONE, ""), None, bundle=b"small")
    large = decision.write(METADATA, FIRST.next(TWO, ""), first, bundle=bytes(700 * 1024 + 1))
    assert "binaryData" not in large


def test_the_largest_bundle_fits_in_a_config_map() -> None:
    made = decision.write(
        METADATA, FIRST.next(ONE, ""), None, gate=b"[" + b"1," * 20_000 + b"1]", bundle=bytes(700 * 1024)
    )
    assert "binaryData" in made
    assert len(json.dumps(made)) < 1024 * 1024, "the API server takes no more"


def test_what_stood_there_is_not_changed_under_its_owner() -> None:
    first = decision.write(METADATA, FIRST.next(ONE, ""), None, gate=b"[1]", bundle=b"tar")
    before = json.dumps(first)
    decision.write(METADATA, FIRST.next(TWO, ""), first, gate=b"", bundle=b"")
    assert json.dumps(first) == before


def test_a_decision_is_later_than_any_that_pods_have_heard_of() -> None:
    """Somebody has deleted the ConfigMap: pods would refuse to go back to the first."""
    assert FIRST.next(ONE, "", heard=7).epoch == 8
    assert FIRST.next(ONE, "", heard=7).next(TWO, "", heard=3).epoch == 9
