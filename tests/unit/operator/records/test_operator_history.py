"""Which revision is to serve: the wanted one, the one before a failed one, or the one that was asked for."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.operator.operator_given import pod, recorded, revision, state

from localmodel.cluster_records import names
from localmodel_operator.passes import observed
from localmodel_operator.records import history, pin
from localmodel_operator.records.decision import Decision
from localmodel_operator.records.history import Choice
from localmodel_operator.records.keys import Signer
from localmodel_operator.records.pin import ObservedSpec, Pin

FIRST, SECOND, THIRD = recorded(1), recorded(2), recorded(3)
BROKEN = recorded(3, failed="InitFailed: score.py:3: KeyError: 'age'")
NEVER_ASKED = None
INPUTS = "inputs now"


def choose(
    *known: history.RecordedRevision, pin: Pin | None = NEVER_ASKED, proved: tuple[int | None, ...] = ()
) -> Choice:
    return history.choose(known, known[-1], pin, INPUTS, proved)


def test_wanted_serves_if_nothing_speaks_against_it() -> None:
    assert choose(FIRST, SECOND, THIRD, proved=(2, 1)) == Choice(THIRD)


def test_failed_gives_way_to_the_last_that_served() -> None:
    because = ("InitFailed", "score.py:3: KeyError: 'age'")
    assert choose(FIRST, SECOND, BROKEN, proved=(2, 1)) == Choice(SECOND, because=because)


def test_failed_gives_way_to_what_served_not_to_its_neighbour() -> None:
    assert choose(FIRST, SECOND, BROKEN, proved=(1, None)).target == FIRST


def test_failed_after_it_had_served_gives_way_to_the_one_before() -> None:
    assert choose(FIRST, SECOND, BROKEN, proved=(3, 2)).target == SECOND


def test_nobody_goes_back_to_what_failed_itself() -> None:
    failed = recorded(2, failed="ErrorRate: 9 of the first 10 requests failed")
    assert choose(FIRST, failed, BROKEN, proved=(2, 1)).target == FIRST


def test_failed_with_nothing_before_it_stays_and_says_why() -> None:
    alone = recorded(1, failed="GateFailed: expected 2, got 3")
    assert choose(alone) == Choice(alone, because=("GateFailed", "expected 2, got 3"))


def test_nobody_goes_forward() -> None:
    assert history.fallback([FIRST, SECOND, THIRD], SECOND, (3, 2)) is None


def test_asked_for_serves_though_another_is_wanted() -> None:
    assert choose(FIRST, SECOND, THIRD, pin=Pin("1", INPUTS)) == Choice(FIRST, pinned=True)


def test_words_behind_the_number_make_a_new_request_of_the_same_revision() -> None:
    assert choose(FIRST, SECOND, pin=Pin("1 2026-11-23T02:30:00Z", INPUTS)).target == FIRST


def test_a_failed_one_serves_when_it_is_asked_for() -> None:
    assert choose(FIRST, SECOND, BROKEN, pin=Pin("3", INPUTS), proved=(2,)) == Choice(BROKEN, pinned=True)


def test_next_edit_ends_a_request() -> None:
    assert choose(FIRST, SECOND, pin=Pin("1", "inputs when it was asked for")) == Choice(SECOND)


@pytest.mark.parametrize("value", ["7", "07", "one", "", "  ", "-1", "1.0"])
def test_unknown_number_is_told_with_those_there_are(value: str) -> None:
    found = choose(FIRST, SECOND, THIRD, pin=Pin(value, INPUTS), proved=(2, 1))
    assert found.target == SECOND and not found.pinned, "what serves goes on"
    reason, message = found.because or ("", "")
    assert reason == "RevisionNotFound" and "kept are: 1, 2, 3" in message
    assert message.startswith(f"{names.SERVE_ANNOTATION}={value.strip() or repr(value)}: ")


def test_what_is_no_number_is_told_in_short() -> None:
    _, message = choose(FIRST, pin=Pin("x" * 200_000, INPUTS)).because or ("", "")
    assert len(message) < 200


def test_one_that_was_asked_for_and_failed_gives_way_to_what_serves() -> None:
    failed = Pin("1", INPUTS, "InitFailed: score.py:3: KeyError")
    found = choose(FIRST, SECOND, THIRD, pin=failed, proved=(1, 2))
    assert found == Choice(SECOND, because=("InitFailed", f"{names.SERVE_ANNOTATION}=1: score.py:3: KeyError"))


NOW, EARLIER = ObservedSpec("now", 7), ObservedSpec("earlier", 6)


@pytest.mark.parametrize(
    ("value", "last", "inputs"),
    [
        ("1", NOW, "now"),
        ("1", EARLIER, ""),
        ("1 generation=7", EARLIER, "now"),
        ("1 2026-11-23T02:30:00Z generation=7 please", EARLIER, "now"),
        ("1 generation=6", EARLIER, ""),
        ("1 generation=8", EARLIER, ""),
        ("1 generation=6", NOW, "now"),
        # of one generation: something was edited that the spec refers to
        ("1 generation=7", ObservedSpec("earlier", 7), ""),
        # nothing was seen before: what comes with the resource was not asked of it
        ("1", ObservedSpec("", 0), ""),
        ("1 generation=7", ObservedSpec("", 0), ""),
        *((f"1 generation={text}", EARLIER, "") for text in ("", "x", "-7", "7.0", "\u00b2", "9" * 5000)),
    ],
)
def test_a_new_request_holds_if_it_is_later_than_what_was_seen_last(
    value: str, last: ObservedSpec, inputs: str
) -> None:
    assert pin.remember(value, NOW, last, None) == Pin(value, inputs)
    assert pin.remember(value, NOW, last, Pin("2", "now")) == Pin(value, inputs), "one before it does not matter"


def test_a_request_ends_with_the_inputs_that_it_was_made_against() -> None:
    first = Pin("1", "earlier", "InitFailed: KeyError")
    assert pin.remember("1", EARLIER, EARLIER, first) == first
    ended = pin.remember("1", NOW, EARLIER, first)
    assert ended and ended.inputs == ""
    assert pin.remember("1", EARLIER, NOW, ended) == ended, "also where the inputs are the same again"
    assert pin.remember(None, EARLIER, EARLIER, first) is None
    assert pin.parse(first.text()) == first
    assert pin.parse('{"value": "1", "inputs": "i"}') == Pin("1", "i"), "of an older operator"


DATA = {
    "inputs": "i",
    "image": "image",
    "template": {"metadata": {}, "spec": {"containers": [{"env": [{"name": "A", "valueFrom": {}}]}]}},
    "digests": asdict(revision("b")),
    "environment": "key",
}


def test_records_of_older_operators_are_read() -> None:
    found = history.recorded({"metadata": {}, "revision": 4, "data": DATA})
    assert (found.number, found.inputs, found.revision) == (4, "i", revision("b"))
    assert (found.entry, found.models, found.facts, found.failed) == ("", (), None, "")


def test_failure_is_a_word_and_a_sentence() -> None:
    said = "InitFailed: score.py:3: KeyError: 'age'"
    metadata = {"annotations": {names.FAILED_ANNOTATION: said}}
    found = history.recorded({"metadata": metadata, "revision": 4, "data": DATA})
    assert found.failure == ("InitFailed", "score.py:3: KeyError: 'age'")


SIGNER = Signer(Ed25519PrivateKey.generate())
OWNER = "team/digits/8f5c"
RECORD = {"metadata": {"name": "digits-r4", "annotations": {"note": "of somebody's"}}, "revision": 4, "data": DATA}


def signed(record: dict[str, Any], owner: str = OWNER, signer: Signer = SIGNER) -> dict[str, Any]:
    metadata = record["metadata"]
    annotations = {**metadata.get("annotations", {}), **history.signature(owner, record, signer)}
    return {**record, "metadata": {**metadata, "annotations": annotations}}


def test_a_record_of_the_operators_own() -> None:
    as_the_api_server_has_it = json.loads(json.dumps(signed(RECORD), sort_keys=True, indent=1))
    assert history.is_ours(OWNER, as_the_api_server_has_it, SIGNER)


EVIL = {**DATA, "template": {"spec": {"hostNetwork": True}}}


@pytest.mark.parametrize(
    "record",
    [
        RECORD,
        {**RECORD, "metadata": {"name": "digits-r4"}},
        {**signed(RECORD), "data": EVIL},
        {**signed(RECORD), "data": None},
        {**signed(RECORD), "revision": 5},
        {**signed(RECORD), "metadata": {**signed(RECORD)["metadata"], "name": "digits-r5"}},
        signed(RECORD, owner="team/digits/another"),
        {**signed(RECORD), "data": {"note": "\ud800"}},
        {**signed(RECORD), "data": json.loads("[" * 800 + "]" * 800)},
        signed(RECORD, signer=Signer(Ed25519PrivateKey.generate())),
        {"metadata": {"name": "digits-r4", "annotations": {names.SIGNATURE_ANNOTATION: "\u00e9"}}, "revision": 4},
    ],
)
def test_a_record_of_somebody_elses(record: dict[str, Any]) -> None:
    assert not history.is_ours(OWNER, record, SIGNER)


def template(env: Any) -> dict[str, Any]:
    return {"template": {"metadata": {}, "spec": {"containers": [{"env": env}]}}}


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        *(
            {**DATA, **changed}
            for changed in (
                {"digests": {"x": 1}},
                {"digests": {**asdict(revision("b")), "lock": 1}},
                {"models": 1},
                {"models": "digits:1"},
                {"inputs": 1},
                {"image": None},
                {"environment": []},
                {"entryScript": 1},
                {"template": "x"},
                {"template": {"metadata": {}, "spec": {}}},
                {"template": {"metadata": {"annotations": {"a": 1}}, "spec": {"containers": [{}]}}},
                template(1),
                template([{"value": "x"}]),
                template([{"name": "A", "value": 1}]),
                {"facts": 1},
                {"facts": {"suspend": 1}},
                {"facts": {"suspend": None}},
                {"facts": {"base": 5}},
                {"facts": {"models": {"a": 1}}},
                {"note": "\ud800"},
            )
        ),
    ],
)
def test_what_is_no_revision_is_not_read_as_one(data: Any) -> None:
    assert history.read(RECORD) is not None
    assert history.read({**RECORD, "data": data}) is None


@pytest.mark.parametrize(
    ("last", "there", "number"), [(0, [], 1), (3, [3], 4), (0, [1, 2], 3), (3, [3, 4, 6], 5), (3, [3, 2**62], 4)]
)
def test_a_number_is_the_next_one_whose_name_nobody_has_taken(last: int, there: list[int], number: int) -> None:
    records = [{"metadata": {"name": f"digits-r{each}"}, "revision": each} for each in there]
    assert observed.next_number("digits", last, records) == number


DECIDED = Decision(9, 4, "c", "e", committed=True, good=4, newest=6)
TEMPLATE = {"metadata": {"labels": {names.REVISION_LABEL: "5"}}}


@pytest.mark.parametrize(
    ("told", "decided", "running", "highest"),
    [
        ({}, None, False, 0),
        ({"wanted": 8, "serving": 4}, None, False, 8),
        ({"wanted": 5}, DECIDED, False, 6),
        ({}, None, True, 5),
        ({"wanted": 2**62}, None, True, 5),
    ],
    ids=["nothing", "the status", "the decision", "what runs", "no number of ours"],
)
def test_numbers_outlive_their_records(told: Any, decided: Decision | None, running: bool, highest: int) -> None:
    deployment = {"spec": {"template": TEMPLATE}} if running else None
    there = [pod(recorded(3), state(recorded(4)))] if running else []
    assert observed.highest({"status": {"revisions": told}}, decided, deployment, there, []) == highest
    assert observed.highest({"status": {"revisions": told}}, decided, deployment, there, [{"revision": 20}]) == 20


def test_a_new_resource_counts_from_one_beside_pods_of_one_that_had_its_name() -> None:
    assert observed.highest({}, None, None, [pod(recorded(3), state(recorded(4)))], []) == 0


def test_own_locks_are_of_what_has_served_the_last_one_first_and_of_what_did_not_fail() -> None:
    def locked(number: int, failed: str = "") -> history.RecordedRevision:
        found = recorded(number, failed=failed)
        return replace(found, revision=replace(found.revision, lock=f"lock {number}"))

    known = [locked(1), locked(2), locked(3, "InitFailed: x"), locked(4)]
    assert history.locks(known, (2, 1)) == ("lock 2", "lock 1", "lock 4", "lock 2", "lock 1")
    assert history.locks(known, (3, 9)) == ("lock 3", "lock 4", "lock 2", "lock 1")
    assert history.locks(known, (None, None)) == history.locks([], (1, None)) == ()
