"""What a pod said last holds while it is silent, and no longer than its container."""

from __future__ import annotations

from support.operator.operator_given import Object, pod, recorded, state

from localmodel_operator.pods.last_states import LastStates

OLD, NEW = recorded(1), recorded(2)
KEY = ("team", "digits")


def found(container: str = "containerd://a", name: str = "x-7d9f") -> Object:
    there = pod(OLD, None, name=name).object
    there["status"]["containerStatuses"] = [{"containerID": container}]
    return there


def test_silence_changes_nothing() -> None:
    states = LastStates()
    assert states.update(KEY, [(found(), state(OLD))]) == [state(OLD)]
    assert states.update(KEY, [(found(), state(NEW))]) == [state(NEW)]
    assert states.update(KEY, [(found(), None), (found(name="other"), None)]) == [state(NEW), None]
    assert states.update(("team", "another"), [(found(), None)]) == [None]


def test_another_container_or_pod_has_said_nothing_yet() -> None:
    states = LastStates()
    states.update(KEY, [(found(), state(NEW))])
    assert states.update(KEY, [(found("containerd://b"), None)]) == [None]
    assert states.update(KEY, [(found(), None)]) == [None], "what is gone is forgotten"


def test_a_resource_that_is_gone_is_forgotten() -> None:
    states = LastStates()
    states.update(KEY, [(found(), state(NEW))])
    states.forget(KEY)
    states.forget(KEY)
    assert states.update(KEY, [(found(), None)]) == [None]
