"""What the kind target makes of a resource's conditions."""

import json
from typing import Any

import pytest

from localmodel.errors import UserError
from localmodel.sdk.progress import LoggedProgress
from localmodel.targets.kind import kind


def resource(generation: int, *conditions: dict[str, Any], **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "digits", "generation": generation},
        "status": {"conditions": list(conditions), **status},
    }


def condition(kind: str, status: str, generation: int, message: str = "") -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": "R", "message": message, "observedGeneration": generation}


def test_ready_speaks_of_the_current_generation_only() -> None:
    old = kind._deployment(resource(2, condition("Ready", "True", 1), revisions={"serving": 1}, url="u"))
    assert (old.ready, old.serving, old.url) == (False, 1, "u")
    assert kind._deployment(resource(2, condition("Ready", "True", 2))).ready


def test_the_message_says_what_is_wrong() -> None:
    found = kind._deployment(resource(2, condition("Ready", "False", 2, "score.py:3: KeyError")))
    assert found.message == "score.py:3: KeyError"


def test_a_swap_serves_before_it_is_durable() -> None:
    waiting = condition("Durable", "False", 2, "pods of revision 5 are starting")
    swapped = resource(2, condition("Ready", "True", 2), waiting, revisions={"serving": 5, "durable": 4})
    found = kind._deployment(swapped)
    assert (found.ready, found.serving, found.durable, found.message) == (True, 5, 4, "")
    assert found.detail == "pods of revision 5 are starting"


def test_a_share_of_requests_that_fails_is_told_of() -> None:
    conditions = [condition("Ready", "True", 2), condition("Degraded", "True", 2, "about 1 in 4 requests fails")]
    found = kind._deployment(resource(2, *conditions, revisions={"serving": 5, "durable": 5}))
    assert (found.ready, found.detail) == (True, "about 1 in 4 requests fails")


def test_a_revision_that_was_asked_for_again_is_told_of() -> None:
    ready = condition("Ready", "True", 2, "revision 3 serves at u, as asked")
    found = kind._deployment(resource(2, ready, revisions={"wanted": 5, "serving": 3, "durable": 3}))
    assert (found.ready, found.message, found.detail) == (True, "", "revision 3 serves at u, as asked")


def test_without_a_status_the_operator_is_waited_for() -> None:
    found = kind._deployment({"metadata": {"name": "digits", "generation": 1}})
    assert not found.ready and found.serving is None and "operator" in found.message


def test_what_conditions_say_is_told_once() -> None:
    notes: list[str] = []

    class Progress:
        def note(self, text: str) -> None:
            notes.append(text)

    told: set[str] = set()
    for message in ("building", "building", "built"):
        conditions = [condition("Reconciling", "True", 1, message), condition("EnvironmentBuilt", "False", 1, message)]
        kind._tell(resource(1, *conditions, condition("Ready", "False", 1, message)), told, Progress())  # type: ignore[arg-type]
    kind._tell(resource(2, condition("EnvironmentBuilt", "False", 1, "of an older edit")), told, Progress())  # type: ignore[arg-type]
    assert notes == ["building", "built"]


def test_what_a_manifest_says_is_not_started_or_stopped_and_kubectl_is_named() -> None:
    target, progress = kind.KindTarget(), LoggedProgress()
    for act, command in (
        (lambda: target.stop("digits", progress), "kubectl scale localmodeldeployment/digits --replicas=0"),
        (lambda: target.start("digits", None, progress), "kubectl scale localmodeldeployment/digits --replicas=1"),
        (lambda: target.stop("digits", progress), "or deployment/digits if it has spec.autoscaling"),
        (lambda: target.restart("digits", None, progress), "kubectl rollout restart deployment/digits"),
    ):
        with pytest.raises(UserError, match=command):
            act()


class Cluster:
    """A kubectl that knows one resource, and what was written to it."""

    command = ("kubectl",)

    def __init__(self, found: dict[str, Any]) -> None:
        self.found, self.annotated = found, list[str]()

    def get(self, *_: Any) -> dict[str, Any]:
        return self.found

    def run(self, *arguments: str, **_: Any) -> str:
        self.annotated += [argument for argument in arguments if argument.startswith("localmodel.dev/")]
        return json.dumps(self.found)


def tried(ready: dict[str, Any], **canary: Any) -> dict[str, Any]:
    found = resource(7, ready, revisions={"wanted": 3, "serving": 2}, canary=canary)
    found["metadata"]["namespace"] = "team"
    return {**found, "spec": {"update": {"progressDeadlineSeconds": 1}}}


def at(cluster: Cluster, monkeypatch: pytest.MonkeyPatch, *following: dict[str, Any]) -> kind.KindTarget:
    target = kind.KindTarget()
    target._kubectl = cluster  # type: ignore[assignment]
    monkeypatch.setattr(kind.watch, "changes", lambda *_: iter(following))
    return target


@pytest.mark.parametrize("act", ["promote", "abort"])
def test_without_a_trial_there_is_nothing_to_promote_or_abort(act: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(tried(condition("Ready", "True", 7)))
    with pytest.raises(UserError, match="no revision of digits is tried"):
        getattr(at(cluster, monkeypatch), act)("digits", None, LoggedProgress())
    assert cluster.annotated == []


def test_a_promotion_names_the_revision_and_the_generation_and_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = {**condition("Ready", "False", 7), "reason": "AwaitingPromotion"}
    serves = tried(condition("Ready", "True", 7))
    serves["status"]["revisions"]["serving"] = 3
    cluster = Cluster(tried(waits, revision=3))
    found = at(cluster, monkeypatch, tried(waits, revision=3), serves).promote("digits", None, LoggedProgress())
    assert (found.ready, found.serving) == (True, 3)
    assert cluster.annotated == ["localmodel.dev/promote=3 generation=7"]


def test_an_abort_is_over_when_the_revision_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = {**condition("Ready", "False", 7), "reason": "CanaryRunning"}
    ended = {"status": "True", "type": "Stalled", "message": "given up", "observedGeneration": 7}
    given_up = tried(condition("Ready", "False", 7))
    given_up["status"]["conditions"].append({**ended, "reason": "CanaryAborted"})
    cluster = Cluster(tried(runs, revision=3))
    found = at(cluster, monkeypatch, tried(runs, revision=3), given_up).abort("digits", None, LoggedProgress())
    assert found.serving == 2
    assert cluster.annotated == ["localmodel.dev/abort=3 generation=7"]
    failed = {**given_up, "status": {**given_up["status"]}}
    failed["status"]["conditions"] = [condition("Ready", "False", 7), {**ended, "reason": "CanaryFailed"}]
    with pytest.raises(UserError, match="given up"):
        at(cluster, monkeypatch, failed).abort("digits", None, LoggedProgress())


def test_an_apply_does_not_wait_for_a_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = {**condition("Ready", "False", 7, "revision 3 answers 5 %"), "reason": "CanaryRunning"}
    cluster = Cluster(tried(runs, revision=3))
    found = at(cluster, monkeypatch, cluster.found)._wait(cluster.found, None, LoggedProgress())
    assert (found.ready, found.stalled, found.serving, found.message) == (False, False, 2, "revision 3 answers 5 %")
