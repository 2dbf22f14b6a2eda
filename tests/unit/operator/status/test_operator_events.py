from typing import Any

import pytest

from localmodel_operator.status.builder import StatusBuilder
from localmodel_operator.status.events import again, event, is_news

OWNER = {
    "apiVersion": "localmodel.dev/v1alpha1",
    "kind": "LocalModelDeployment",
    "metadata": {"name": "digits", "namespace": "team", "uid": "8f5c", "resourceVersion": "7"},
}


def status(kind: str, reason: str = "", message: str = "m") -> dict[str, Any]:
    seen = StatusBuilder()
    if kind:
        getattr(seen, kind)(reason, message)
    return seen.build(1, {}, "2026-01-01T00:00:00Z")


NEW: dict[str, Any] = {"observedGeneration": -1}
SERVING = status("succeed", "Serving")


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (NEW, status(""), False),
        (SERVING, status(""), False),
        (NEW, status("progress", "BuildingEnvironment"), True),
        (status("progress", "RollingOut"), SERVING, True),
        (SERVING, SERVING, False),
        (SERVING, status("succeed", "Serving", "revision 2 serves"), False),
        (SERVING, status("fail", "InitFailed", "score.py:17"), True),
        (status("fail", "InitFailed", "score.py:17"), status("fail", "InitFailed", "score.py:17"), False),
        (status("fail", "InitFailed", "score.py:17"), status("fail", "InitFailed", "score.py:18"), True),
        (status("progress", "Unschedulable"), status("fail", "Unschedulable"), True),
    ],
)
def test_an_event_for_what_is_new(before: dict[str, Any], after: dict[str, Any], told: bool) -> None:
    assert is_news(before, after) is told


def test_an_event_is_about_its_resource() -> None:
    seen = StatusBuilder()
    seen.fail("InitFailed", "score.py:17 KeyError: 'age'")
    made = event(OWNER, seen)
    assert made["involvedObject"]["uid"] == "8f5c"
    assert made["metadata"]["namespace"] == "team"
    assert (made["type"], made["reason"], made["message"]) == ("Warning", "InitFailed", "score.py:17 KeyError: 'age'")


def test_what_goes_well_is_no_warning() -> None:
    seen = StatusBuilder()
    seen.succeed("Serving", "m")
    assert event(OWNER, seen)["type"] == "Normal"


def test_a_message_is_as_long_as_the_api_takes() -> None:
    seen = StatusBuilder()
    seen.fail("EnvironmentBuildFailed", "x" * 5000)
    assert len(event(OWNER, seen)["message"]) <= 1024


def test_the_same_news_is_counted_under_one_name() -> None:
    seen, other = StatusBuilder(), StatusBuilder()
    seen.fail("InitFailed", "score.py:17")
    other.fail("InitFailed", "score.py:18")
    first, second = event(OWNER, seen), {**event(OWNER, seen), "lastTimestamp": "later"}
    assert first["metadata"]["name"] == second["metadata"]["name"] != event(OWNER, other)["metadata"]["name"]
    counted = again(again(first, second), second)
    assert (counted["count"], counted["lastTimestamp"]) == (3, "later")
    assert counted["firstTimestamp"] == first["firstTimestamp"]
