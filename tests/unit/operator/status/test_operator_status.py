"""The rules that kubectl wait, kstatus, Argo CD and Flux read a status by, for every way a pass can end."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from localmodel.resource.schema import resource_schema
from localmodel_operator.status.builder import STAGES, StatusBuilder
from localmodel_operator.status.conditions import Condition

Status = dict[str, Any]
EARLIER, NOW = "2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z"

ENDS: dict[str, Callable[[StatusBuilder], None]] = {
    "unread": lambda status: None,
    "progress": lambda status: status.progress("Delivering", "on its way"),
    "fail": lambda status: status.fail("ModelNotFound", "no such model"),
    "succeed": lambda status: status.succeed("Serving", "revision 1 serves"),
    "pause": lambda status: status.pause("suspended"),
}
STAGE_STATES = [None, (True, "Done", "well"), (False, "Missing", "not there")]
ANSWERS = Condition(True, "Answering", "revision 1 answers")
AVAILABLE = [None, ANSWERS, Condition(False, "NotAnswering", "no pod is ready")]
LEFT = [
    StatusBuilder(),
    StatusBuilder(
        ready=True, reconciling=False, reason="Serving", stages={"ModelResolved": Condition(True, "Resolved", "there")}
    ),
    StatusBuilder(stalled=True, reconciling=False, reason="InitFailed", available=ANSWERS),
    StatusBuilder(ready=True, reconciling=False, reason="Serving", degraded="about 1 in 4 requests fails"),
]
BEFORES: list[Status] = [{"observedGeneration": -1}, *(status.build(1, {}, EARLIER) for status in LEFT)]


def every_status() -> list[StatusBuilder]:
    """Each way to end a pass, after each other way, with each state of a stage and of what answers."""
    made = []
    for first, last, stage, available in itertools.product(ENDS, ENDS, STAGE_STATES, AVAILABLE):
        status = StatusBuilder(available=available)
        ENDS[first](status)
        ENDS[last](status)
        if stage:
            status.stage("ImageDelivered", *stage)
        made.append(status)
    return made


EVERY = list(itertools.product(every_status(), BEFORES))


def by_type(status: Status) -> dict[str, Any]:
    conditions = {condition["type"]: condition for condition in status["conditions"]}
    assert len(conditions) == len(status["conditions"]), "a type stands twice"
    return conditions


def test_a_message_is_no_longer_than_the_api_server_takes() -> None:
    status = StatusBuilder()
    status.fail("InitFailed", "\u202e" * 32768)
    assert len(by_type(status.build(1, {}, NOW))["Ready"]["message"]) == 32768


def holds(status: Status, name: str) -> bool:
    return bool(by_type(status).get(name, {}).get("status") == "True")


def test_the_seven_rules() -> None:
    for builder, before in EVERY:
        status = builder.build(2, before, NOW)
        assert "Ready" in by_type(status)
        negative = holds(status, "Reconciling"), holds(status, "Stalled")
        assert not all(negative)
        if any(negative):
            assert by_type(status)["Ready"]["status"] == "False"
        # present only while they hold
        assert all(holds(status, name) for name in ("Reconciling", "Stalled") if name in by_type(status))
        assert status["observedGeneration"] == 2
        assert all(condition["observedGeneration"] <= 2 for condition in status["conditions"])
        if holds(status, "Ready"):
            assert by_type(status)["Ready"]["observedGeneration"] == status["observedGeneration"]


def test_every_condition_is_whole() -> None:
    fields = {"type", "status", "observedGeneration", "lastTransitionTime", "reason", "message"}
    for builder, before in EVERY:
        for condition in builder.build(2, before, NOW)["conditions"]:
            assert set(condition) == fields
            assert condition["status"] in ("True", "False")
            assert condition["reason"]


def test_a_second_look_at_the_same_changes_nothing() -> None:
    for builder, before in EVERY:
        once = builder.build(2, before, EARLIER)
        assert builder.build(2, once, NOW) == once


def test_a_condition_is_dated_when_its_status_changes_and_only_then() -> None:
    for builder, before in EVERY:
        old = by_type({"conditions": [], **before})
        for name, condition in by_type(builder.build(2, before, NOW)).items():
            same = name in old and old[name]["status"] == condition["status"]
            assert condition["lastTransitionTime"] == (EARLIER if same else NOW)


def test_a_stage_that_was_not_looked_at_stays_as_it_was() -> None:
    before = StatusBuilder()
    for name in STAGES:
        before.stage(name, True, "Done", f"{name} is done")
    old = before.build(1, {}, EARLIER)
    after = StatusBuilder()
    after.stage("ModelResolved", False, "ModelNotFound", "gone")
    new = by_type(after.build(2, old, NOW))
    assert new["ModelResolved"]["status"] == "False"
    for name in ("EnvironmentBuilt", "ImageDelivered"):
        assert new[name] == by_type(old)[name]


def test_values_stay_until_they_are_seen_anew() -> None:
    first = StatusBuilder(values={"url": "http://localhost:6789/score", "replicas": 1}).build(1, {}, EARLIER)
    second = StatusBuilder(values={"replicas": 2}).build(1, first, NOW)
    assert (second["url"], second["replicas"]) == ("http://localhost:6789/score", 2)


def test_every_value_of_the_resource_stays() -> None:
    """A pass that delivers what was made before does not look at the environment, and logs need its key."""
    schema = resource_schema()["properties"]["status"]["properties"]
    values = {name: name for name in schema if name not in ("observedGeneration", "conditions")}
    first = StatusBuilder(values=values).build(1, {}, EARLIER)
    assert values.items() <= StatusBuilder().build(1, first, NOW).items()


def test_a_value_can_be_taken_away() -> None:
    first = StatusBuilder(values={"image": "localmodel.dev/x@sha256:0"}).build(1, {}, EARLIER)
    assert "image" not in StatusBuilder(values={"image": None}).build(1, first, NOW)


def test_what_older_releases_wrote_goes() -> None:
    old = {
        "observedGeneration": 1,
        "phase": "Running",
        "conditions": [{"type": "Old", "status": "True", "lastTransitionTime": EARLIER}],
    }
    status = StatusBuilder().build(1, old, NOW)
    assert "phase" not in status
    assert "Old" not in by_type(status)


@pytest.mark.parametrize(
    ("end", "kstatus"),
    [("unread", "InProgress"), ("progress", "InProgress"), ("fail", "Failed"), ("succeed", "Current")],
)
def test_how_kstatus_reads_it(end: str, kstatus: str) -> None:
    builder = StatusBuilder()
    ENDS[end](builder)
    status = builder.build(2, {"observedGeneration": -1}, NOW)
    # the order in which kstatus looks
    if status["observedGeneration"] != 2 or holds(status, "Reconciling"):
        read = "InProgress"
    elif holds(status, "Stalled"):
        read = "Failed"
    else:
        read = "Current" if holds(status, "Ready") else "InProgress"
    assert read == kstatus


def test_degraded_is_there_while_it_is_so_and_leaves_ready_alone() -> None:
    degraded = "about 1 in 4 requests fails"
    status = StatusBuilder(ready=True, reconciling=False, reason="Serving", degraded=degraded).build(1, {}, EARLIER)
    assert holds(status, "Ready") and holds(status, "Degraded")
    assert by_type(status)["Degraded"]["message"] == "about 1 in 4 requests fails"
    not_looked_at = StatusBuilder().build(1, status, NOW)
    assert holds(not_looked_at, "Degraded")
    assert by_type(not_looked_at)["Degraded"] == by_type(status)["Degraded"]
    assert "Degraded" not in by_type(StatusBuilder(degraded="").build(1, status, NOW))


def test_other_news_leave_ready_as_it_was_told() -> None:
    for before in BEFORES[1:]:
        assert StatusBuilder.of(before).build(1, before, NOW) == before
