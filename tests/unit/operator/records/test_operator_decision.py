"""The row of decisions, and the ConfigMap that each is written down in."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.operator.operator_given import recorded

from localmodel import digests
from localmodel.cluster_records import names
from localmodel.cluster_records.decision import Served, served
from localmodel_operator.records import decision
from localmodel_operator.records.decision import FIRST, Decision
from localmodel_operator.records.keys import Signer
from localmodel_operator.records.pin import ObservedSpec, Pin

METADATA = {"name": "digits-wanted", "namespace": "team"}
ONE, TWO, THREE = recorded(1), recorded(2), recorded(3)
SIGNER, ANOTHER = Signer(Ed25519PrivateKey.generate()), Signer(Ed25519PrivateKey.generate())
OWNER = "team/digits/8f5c"


def write(decided: Decision, before: Any = None, signer: Signer = SIGNER, **beside: bytes) -> dict[str, Any]:
    return decision.write(METADATA, OWNER, signer, decided, before, **beside)


def read_back(made: Any, owner: str = OWNER) -> Decision | None:
    return decision.read(json.loads(json.dumps(made)), owner, SIGNER)


def test_every_decision_has_a_later_epoch_and_is_to_be_proved() -> None:
    now = FIRST
    for number, target in enumerate((ONE, TWO, ONE, TWO, TWO), start=1):
        now = now.next(target).as_committed()
        assert (now.epoch, now.revision, now.content) == (number, target.number, target.revision.content)
        assert not now.next(target).committed


def test_the_two_that_served_last_are_remembered() -> None:
    now = FIRST.next(ONE).as_committed()
    assert (now.good, now.before) == (1, None)
    now = now.next(TWO).as_committed()
    assert (now.good, now.before) == (2, 1)
    assert now.as_committed() == now, "to commit again what is committed is no news"


def test_the_kind_client_reads_them_where_the_operator_writes_them() -> None:
    decided = FIRST.next(ONE).as_committed().next(TWO).as_committed()
    assert served(json.loads(json.dumps(write(decided)))) == Served(good=2, before=1)
    assert served(write(FIRST.next(ONE))) == Served()


@pytest.mark.parametrize(
    "text",
    ["", "[", "[]", "1", "null", '"good"', '{"good": true, "before": "1"}', '{"good": {}, "before": 0}', "[" * 10**5],
)
def test_what_others_have_written_names_no_revision(text: str) -> None:
    assert served({"data": {"wanted.json": text}}) == Served()
    assert served({}) == served({"data": None}) == served(None) == Served()


def test_all_that_served_and_are_kept_are_remembered() -> None:
    now = FIRST.next(ONE).as_committed().next(TWO).as_committed().next(THREE).next(ONE).as_committed()
    assert (now.served, now.newest) == ((2, 1), 3)
    kept = now.with_history([ONE, THREE])
    assert (kept.served, kept.newest) == ((1,), 3)
    assert kept.with_history([]).newest == 3


def test_what_may_have_served_before_that_was_written_down() -> None:
    before = Decision(3, 2, "c", "e", committed=True, good=2, before=1)
    assert before.with_history([ONE, TWO, recorded(3, failed="InitFailed: x")]).served == (1, 2)
    assert FIRST.with_history([ONE, TWO]).served == (1, 2), "it was lost while nothing served"


def test_what_was_never_proved_is_not_remembered() -> None:
    proved = FIRST.next(ONE).as_committed().next(TWO).as_committed()
    given_up = proved.next(THREE)
    assert (given_up.good, given_up.before) == (2, 1)
    back = given_up.next(TWO).as_committed()
    assert (back.revision, back.good, back.before) == (2, 2, 1)
    assert back.epoch == given_up.epoch + 1


@pytest.mark.parametrize(
    "decided",
    [
        FIRST.next(ONE),
        FIRST.next(ONE).as_committed(),
        FIRST.next(ONE).as_committed().with_spec(ObservedSpec("x", 3), Pin("2 please", "x")).next(TWO).as_committed(),
    ],
)
def test_what_is_written_is_read_back(decided: Decision) -> None:
    assert read_back(write(decided)) == decided


def test_nothing_written_is_no_decision() -> None:
    assert decision.read(None, OWNER, SIGNER) is None


DECIDED = FIRST.next(TWO).as_committed()
WRITTEN = write(DECIDED, gate=b"[1]", bundle=b"tar")
TOLD = WRITTEN["data"]["wanted.json"]


def changed(part: str, **values: Any) -> dict[str, Any]:
    kept = {name: value for name, value in {**WRITTEN[part], **values}.items() if value is not None}
    return {**WRITTEN, part: kept}


@pytest.mark.parametrize(
    "found",
    [
        changed("data", **{"wanted.json": TOLD.replace('"epoch":1', '"epoch":99')}),
        changed("data", **{"wanted.json": TOLD + " "}),
        changed("data", **{"wanted.sig": None}),
        changed("data", **{"wanted.sig": "\u00e9"}),
        changed("data", **{"wanted.sig": SIGNER.sign("localmodel.dev/revision", TOLD.encode())}),
        changed("data", **{"wanted.sig": ANOTHER.sign(decision.PURPOSE, TOLD.encode())}),
        changed("data", **{"wanted.sig": base64.b64encode(SIGNER.sign_call(TOLD.encode())).decode()}),
        changed("data", **{"gate.json": "[2]"}),
        changed("data", **{"gate.json": None}),
        changed("binaryData", **{"bundle.tar": base64.b64encode(b"rat").decode()}),
        changed("binaryData", **{"bundle.tar": "!"}),
        changed("binaryData", **{"bundle.tar": None}),
        {"metadata": {}},
        {"metadata": {}, "data": None},
        {"metadata": {}, "data": {"wanted.json": "["}},
        write(DECIDED, signer=ANOTHER),
    ],
)
def test_what_the_operator_has_not_signed_is_no_decision(found: Any) -> None:
    assert read_back(WRITTEN) == DECIDED
    assert read_back(found) is None


@pytest.mark.parametrize("owner", ["team/digits/other", "other/digits/8f5c", "team/others/8f5c"])
def test_a_decision_about_another_deployment_is_none(owner: str) -> None:
    """Copied to another, or left from one of the same name that was deleted."""
    assert read_back(WRITTEN, owner) is None


def test_nothing_of_a_forged_one_is_carried_over() -> None:
    forged = {"metadata": {"resourceVersion": "17"}}
    made = write(DECIDED.as_committed(), forged)
    assert made["metadata"]["resourceVersion"] == "17"
    assert set(made["data"]) == {"wanted.json", "wanted.sig"}
    assert "binaryData" not in made


@pytest.mark.parametrize(
    ("status", "asked", "good", "pin"),
    [
        ({}, None, None, ""),
        ({"revisions": {"serving": 4}}, None, 4, ""),
        # what was asked for serves: it still holds
        ({"revisions": {"serving": 4}}, "4 please", 4, ""),
        # an edit has ended it: it must not come to life again
        ({"revisions": {"serving": 5, "wanted": 5}}, "4 please", 5, Pin("4 please", "").text()),
        # nothing serves yet: it was asked for just now
        ({"revisions": {"wanted": 5}}, "4", None, ""),
    ],
)
def test_a_lost_decision_is_taken_from_what_serves(status: Any, asked: str | None, good: int | None, pin: str) -> None:
    assert decision.lost(status, asked) == Decision(0, 0, "", "", committed=False, good=good, pin=pin)


def unsigned(annotations: Any = None, **others: Any) -> dict[str, Any]:
    told = {"epoch": 3, "revision": 2, "content": "c", "environment": "e", "committed": True, "good": 2, "before": 1}
    text = json.dumps({**told, **others})
    return {"metadata": {"annotations": annotations or {}}, "data": {"wanted.json": text}}


def test_a_decision_of_an_operator_that_did_not_sign_is_read() -> None:
    pin = Pin("2", "inputs").text()
    found = unsigned({names.PIN_ANNOTATION: pin})
    assert decision.read_unsigned(found) == Decision(3, 2, "c", "e", committed=True, good=2, before=1, pin=pin)
    assert read_back(found) is None


@pytest.mark.parametrize(
    "found",
    [
        unsigned(epoch=float("inf")),
        unsigned(epoch=True),
        unsigned(epoch=-1),
        unsigned(epoch=2**53 + 1),
        unsigned(revision="2"),
        unsigned(committed=1),
        unsigned(good="2"),
        unsigned(revision=10**300),
        unsigned(before=-1),
        unsigned(content="\ud800"),
        unsigned({names.PIN_ANNOTATION: '{"value": 1, "inputs": []}'}),
        unsigned({names.PIN_ANNOTATION: "[" * 200_000}),
        unsigned({names.PIN_ANNOTATION: "{"}),
        unsigned({names.PIN_ANNOTATION: '{"x": 1}'}),
        {"metadata": {}, "data": {"wanted.json": "[" * 200_000}},
        {"metadata": {}, "data": {"wanted.json": "[]"}},
        {"metadata": {}, "data": {}},
        {"metadata": {}},
    ],
)
def test_one_that_cannot_be_understood_is_none(found: Any) -> None:
    assert decision.read_unsigned(found) is None


def test_a_pod_reads_the_same_file() -> None:
    """The scoring server knows these names."""
    made = write(FIRST.next(ONE).as_committed(), gate=b"[1]", bundle=b"tar")
    told = json.loads(made["data"]["wanted.json"])
    assert told["epoch"] == 1
    assert told["revision"] == 1
    assert told["content"] == ONE.revision.content
    assert told["environment"] == "environment"
    assert told["committed"] is True
    assert told["owner"] == OWNER
    assert (told["gate"], told["bundle"]) == (digests.of_bytes(b"[1]"), digests.of_bytes(b"tar"))
    assert set(made["data"]) == {"wanted.json", "wanted.sig", "gate.json"}


def test_the_place_of_the_last_one_is_taken_only_if_nobody_else_has_written() -> None:
    first = write(FIRST.next(ONE))
    assert "resourceVersion" not in first["metadata"]
    first["metadata"]["resourceVersion"] = "17"
    second = write(FIRST.next(ONE).as_committed(), first)
    assert second["metadata"]["resourceVersion"] == "17"


def test_gate_and_bundle_stay_until_they_are_replaced_or_taken_away() -> None:
    decided = FIRST.next(ONE)
    first = write(decided, gate=b"[1]", bundle=b"tar")
    assert first["data"]["gate.json"] == "[1]"
    assert base64.b64decode(first["binaryData"]["bundle.tar"]) == b"tar"

    same = write(decided.as_committed(), first)
    assert same["data"]["gate.json"] == "[1]"
    assert same["binaryData"] == first["binaryData"]

    other = write(decided, first, gate=b"[2]", bundle=b"rat")
    assert other["data"]["gate.json"] == "[2]"
    assert base64.b64decode(other["binaryData"]["bundle.tar"]) == b"rat"

    none = write(decided, first, gate=b"", bundle=b"")
    assert set(none["data"]) == {"wanted.json", "wanted.sig"}
    assert "binaryData" not in none


def test_a_pin_that_was_ended_is_not_left_behind() -> None:
    first = write(FIRST.with_spec(ObservedSpec("x", 3), Pin("1", "x")).next(ONE))
    assert read_back(write(FIRST.next(TWO), first)) == FIRST.next(TWO)


def test_a_large_bundle_is_left_out_and_not_the_last_one_left_in() -> None:
    first = write(FIRST.next(ONE), bundle=b"small")
    large = write(FIRST.next(TWO), first, bundle=bytes(700 * 1024 + 1))
    assert "binaryData" not in large


def test_the_largest_bundle_fits_in_a_config_map() -> None:
    made = write(FIRST.next(ONE), gate=b"[" + b"1," * 20_000 + b"1]", bundle=bytes(700 * 1024))
    assert "binaryData" in made
    assert len(json.dumps(made)) < 1024 * 1024, "the API server takes no more"


def test_what_stood_there_is_not_changed_under_its_owner() -> None:
    first = write(FIRST.next(ONE), gate=b"[1]", bundle=b"tar")
    before = json.dumps(first)
    write(FIRST.next(TWO), first, gate=b"", bundle=b"")
    assert json.dumps(first) == before


def test_a_decision_is_later_than_any_that_pods_have_heard_of() -> None:
    """Somebody has deleted the ConfigMap: pods would refuse to go back to the first."""
    assert FIRST.next(ONE, heard=7).epoch == 8
    assert FIRST.next(ONE, heard=7).next(TWO, heard=3).epoch == 9
