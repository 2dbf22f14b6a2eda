"""The rules that kubectl wait, kstatus, Argo CD and Flux read a status by, for every way a pass can end."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from localmodel.resource.schema import resource_schema
from localmodel_operator.status.builder import STAGES, Seen, summarise

Status = dict[str, Any]
EARLIER, NOW = "2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z"

ENDS: dict[str, Callable[[Seen], None]] = {
    "unread": lambda seen: None,
    "progress": lambda seen: seen.progress("Delivering", "on its way"),
    "fail": lambda seen: seen.fail("ModelNotFound", "no such model"),
    "succeed": lambda seen: seen.succeed("Serving", "revision 1 serves"),
    "pause": lambda seen: seen.pause("suspended"),
}
STAGE_STATES = [None, (True, "Done", "well"), (False, "Missing", "not there")]
AVAILABLE = [None, (True, "revision 1 answers"), (False, "no pod is ready")]
LEFT = [
    Seen(),
    Seen(ready=True, reconciling=False, reason="Serving", stages={"ModelResolved": (True, "Resolved", "there")}),
    Seen(stalled=True, reconciling=False, reason="InitFailed", available=(True, "revision 1 answers")),
    Seen(ready=True, reconciling=False, reason="Serving", degraded="about 1 in 4 requests fails"),
]
BEFORES: list[Status] = [{"observedGeneration": -1}, *(summarise(seen, 1, {}, EARLIER) for seen in LEFT)]


def every_seen() -> list[Seen]:
    """Each way to end a pass, after each other way, with each state of a stage and of what answers."""
    made = []
    for first, last, stage, available in itertools.product(ENDS, ENDS, STAGE_STATES, AVAILABLE):
        seen = Seen(available=available)
        ENDS[first](seen)
        ENDS[last](seen)
        if stage:
            seen.stage("ImageDelivered", *stage)
        made.append(seen)
    return made


EVERY = list(itertools.product(every_seen(), BEFORES))


def by_type(status: Status) -> dict[str, Any]:
    conditions = {condition["type"]: condition for condition in status["conditions"]}
    assert len(conditions) == len(status["conditions"]), "a type stands twice"
    return conditions


def holds(status: Status, name: str) -> bool:
    return bool(by_type(status).get(name, {}).get("status") == "True")


def test_the_seven_rules() -> None:
    for seen, before in EVERY:
        status = summarise(seen, 2, before, NOW)
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
    for seen, before in EVERY:
        for condition in summarise(seen, 2, before, NOW)["conditions"]:
            assert set(condition) == fields
            assert condition["status"] in ("True", "False")
            assert condition["reason"]


def test_a_second_look_at_the_same_changes_nothing() -> None:
    for seen, before in EVERY:
        status = summarise(seen, 2, before, EARLIER)
        assert summarise(seen, 2, status, NOW) == status


def test_a_condition_is_dated_when_its_status_changes_and_only_then() -> None:
    for seen, before in EVERY:
        old = by_type({"conditions": [], **before})
        for name, condition in by_type(summarise(seen, 2, before, NOW)).items():
            same = name in old and old[name]["status"] == condition["status"]
            assert condition["lastTransitionTime"] == (EARLIER if same else NOW)


def test_a_stage_that_was_not_looked_at_stays_as_it_was() -> None:
    before = Seen()
    for name in STAGES:
        before.stage(name, True, "Done", f"{name} is done")
    old = summarise(before, 1, {}, EARLIER)
    after = Seen()
    after.stage("ModelResolved", False, "ModelNotFound", "gone")
    new = by_type(summarise(after, 2, old, NOW))
    assert new["ModelResolved"]["status"] == "False"
    for name in ("EnvironmentBuilt", "ImageDelivered"):
        assert new[name] == by_type(old)[name]


def test_values_stay_until_they_are_seen_anew() -> None:
    first = summarise(Seen(values={"url": "http://localhost:6789/score", "replicas": 1}), 1, {}, EARLIER)
    second = summarise(Seen(values={"replicas": 2}), 1, first, NOW)
    assert (second["url"], second["replicas"]) == ("http://localhost:6789/score", 2)


def test_every_value_of_the_resource_stays() -> None:
    """A pass that delivers what was made before does not look at the environment, and logs need its key."""
    schema = resource_schema()["properties"]["status"]["properties"]
    values = {name: name for name in schema if name not in ("observedGeneration", "conditions")}
    first = summarise(Seen(values=values), 1, {}, EARLIER)
    assert values.items() <= summarise(Seen(), 1, first, NOW).items()


def test_a_value_can_be_taken_away() -> None:
    first = summarise(Seen(values={"image": "localmodel.dev/x@sha256:0"}), 1, {}, EARLIER)
    assert "image" not in summarise(Seen(values={"image": None}), 1, first, NOW)


def test_what_older_releases_wrote_goes() -> None:
    old = {
        "observedGeneration": 1,
        "phase": "Running",
        "conditions": [{"type": "Old", "status": "True", "lastTransitionTime": EARLIER}],
    }
    status = summarise(Seen(), 1, old, NOW)
    assert "phase" not in status
    assert "Old" not in by_type(status)


@pytest.mark.parametrize(
    ("end", "kstatus"),
    [("unread", "InProgress"), ("progress", "InProgress"), ("fail", "Failed"), ("succeed", "Current")],
)
def test_how_kstatus_reads_it(end: str, kstatus: str) -> None:
    seen = Seen()
    ENDS[end](seen)
    status = summarise(seen, 2, {"observedGeneration": -1}, NOW)
    # the order in which kstatus looks
    if status["observedGeneration"] != 2 or holds(status, "Reconciling"):
        read = "InProgress"
    elif holds(status, "Stalled"):
        read = "Failed"
    else:
        read = "Current" if holds(status, "Ready") else "InProgress"
    assert read == kstatus


def test_degraded_is_there_while_it_is_so_and_leaves_ready_alone() -> None:
    seen = Seen(ready=True, reconciling=False, reason="Serving", degraded="about 1 in 4 requests fails")
    status = summarise(seen, 1, {}, EARLIER)
    assert holds(status, "Ready") and holds(status, "Degraded")
    assert by_type(status)["Degraded"]["message"] == "about 1 in 4 requests fails"
    not_looked_at = summarise(Seen(), 1, status, NOW)
    assert holds(not_looked_at, "Degraded")
    assert by_type(not_looked_at)["Degraded"] == by_type(status)["Degraded"]
    assert "Degraded" not in by_type(summarise(Seen(degraded=""), 1, status, NOW))


def test_other_news_leave_ready_as_it_was_told() -> None:
    for before in BEFORES[1:]:
        assert summarise(Seen.as_told(before), 1, before, NOW) == before
