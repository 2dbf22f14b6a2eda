"""What is shown of a deployment's conditions, pods and Events, from objects as the API server has them."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.targets.cluster_view import ClusterTrial, ClusterView
from localmodel.targets.kind import events as events_
from localmodel.targets.kind import view
from localmodel.targets.kind.events import Events
from localmodel.targets.kind.kubectl import Kubectl

RESOURCE = {
    "metadata": {"name": "digits", "namespace": "default", "uid": "u1", "generation": 2},
    "status": {
        "selector": "app=digits",
        "conditions": [
            {"type": "Ready", "status": "True", "reason": "Serving", "message": "m", "observedGeneration": 2},
            {"type": "Durable", "status": "Unknown", "reason": "Checking", "message": "", "observedGeneration": 2},
            {"type": "GatePassed", "status": "False", "reason": "Old", "message": "", "observedGeneration": 1},
        ],
    },
}


def pod(name: str = "digits-a", **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": f"u-{name}"}, "spec": {"nodeName": "worker"}, "status": status}


def event(uid: str, last: str, **fields: Any) -> dict[str, Any]:
    about = {"kind": "Pod", "name": "x", "uid": uid}
    return {"kind": "Event", "metadata": {}, "involvedObject": about, "lastTimestamp": last, "type": "Normal", **fields}


class Answering:
    """Stands for kubectl: each kind has these objects, or the error."""

    def __init__(self, **objects: Any) -> None:
        self._objects = objects
        self.asked: list[str] = []  # the field selectors of the calls for Events

    def run(self, verb: str, kind: str, *options: str) -> str:
        found = self._objects[kind]
        if isinstance(found, UserError):
            raise found
        if kind == "events":
            selector = options[options.index("--field-selector") + 1] if "--field-selector" in options else ""
            self.asked.append(selector)
            uid = selector.removeprefix("involvedObject.uid=")
            found = [one for one in found if uid in ("", one["involvedObject"]["uid"])]
        return json.dumps({"kind": "List", "items": found})


def seen(answering: Answering) -> ClusterView:
    kubectl = cast(Kubectl, answering)
    return view.of(kubectl, Events(kubectl), RESOURCE)


def test_a_condition_that_was_not_checked_since_the_last_edit_is_told_apart() -> None:
    found = [(one.name, one.is_true, one.is_old) for one in view.conditions(RESOURCE)]
    assert found == [("Ready", True, False), ("Durable", None, False), ("GatePassed", False, True)]


def test_a_pod_s_state_is_what_hinders_it() -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}], "phase": "Running"}
    waiting = {"containerStatuses": [{"restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}
    assert view.pod(pod(**ready)).state == "ready" and view.pod(pod(**ready)).node == "worker"
    assert (view.pod(pod(**waiting)).state, view.pod(pod(**waiting)).restarts) == ("CrashLoopBackOff", 3)
    assert view.pod(pod(phase="Pending")).state == "Pending"
    ending = pod(**ready)
    ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert view.pod(ending).state == "ending"
    assert view.pod({"metadata": {"name": "new"}}).node == ""


def test_events_are_those_of_the_resource_and_its_pods_newest_first() -> None:
    events = [
        event("u1", "2026-01-01T00:00:01Z", message="one"),
        event("another", "2026-01-01T00:00:09Z", message="not ours"),
        event("u-digits-a", "2026-01-01T00:00:03Z", message="two", type="Warning", count=7),
        event("u1", "", eventTime="2026-01-01T00:00:02Z", message="three", series={"count": 2}),
    ]
    found = seen(Answering(pods=[pod()], events=events))
    assert [(one.message, one.count, one.is_warning) for one in found.events] == [
        ("two", 7, True),
        ("three", 2, False),
        ("one", 1, False),
    ]
    assert [one.name for one in found.pods] == ["digits-a"] and not found.missing


def test_a_cluster_is_asked_for_the_events_of_few_objects_only_and_not_at_each_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answering = Answering(events=[event("u1", "2026-01-01T00:00:01Z"), event("another", "2026-01-01T00:00:01Z")])
    read = Events(cast(Kubectl, answering))
    for _ in range(3):
        assert len(read.about("default", frozenset({"u1", "u2"}))) == 1
    assert answering.asked == ["involvedObject.uid=u1", "involvedObject.uid=u2"]
    assert len(read.about("default", frozenset({"u1", "u2", "u3", "u4", "u5"}))) == 1
    assert answering.asked[2:] == [""]
    monkeypatch.setattr(events_, "_SECONDS", 0.0)
    read.about("default", frozenset({"u1"}))
    read.about("default", frozenset({"u1"}))
    assert answering.asked[3:] == ["involvedObject.uid=u1"] * 2


def test_what_may_not_be_read_is_told_and_the_rest_is_shown() -> None:
    forbidden = UserError(reasons.KUBECTL_FAILED, "forbidden")
    found = seen(Answering(pods=[pod()], events=forbidden))
    assert found.pods and not found.events and found.missing == ["events: forbidden"]


def test_a_trial_is_read_from_the_status() -> None:
    canary = {"revision": 8, "role": "canary", "percent": 5, "step": 2, "requests": 31, "errors": 0}
    assert view.trial({"status": {"canary": canary}}) == ClusterTrial(8, False, 5, 2, 31, 0, None)
    shadow = {**canary, "role": "shadow", "changed": 4}
    assert view.trial({"status": {"canary": shadow}}) == ClusterTrial(8, True, 5, 2, 31, 0, 4)
    assert view.trial(RESOURCE) is None and view.trial({}) is None and view.trial({"status": {"canary": None}}) is None
