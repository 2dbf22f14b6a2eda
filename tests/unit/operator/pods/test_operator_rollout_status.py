"""What a rollout is called, from what the API server returns."""

from typing import Any

import pytest

from localmodel.cluster_records import names
from localmodel_operator.pods.rollout_status import Rollout, judge, outlived

Object = dict[str, Any]
READY = {"type": "Ready", "status": "True"}
RUNNING: Object = {"ready": True, "state": {"running": {}}}
WANTED, OLD = 2, 1


def deployment(wanted: int = 1, *conditions: Object, **status: int) -> Object:
    """A Deployment that is where it should be, unless `status` says otherwise."""
    counts = {
        "observedGeneration": 4,
        "replicas": wanted,
        "updatedReplicas": wanted,
        "availableReplicas": wanted,
        **status,
    }
    # the API server leaves zeros out
    there = {name: count for name, count in counts.items() if count}
    return {
        "metadata": {"generation": 4},
        "spec": {"replicas": wanted},
        "status": {**there, "conditions": list(conditions)},
    }


def pod(revision: int = WANTED, container: Object | None = None, *conditions: Object, **metadata: str) -> Object:
    """A ready pod, unless told what its container says of itself."""
    return {
        "metadata": {"name": "x-7d9f", "labels": {names.REVISION_LABEL: str(revision)}, **metadata},
        "status": {
            "phase": "Running",
            "conditions": list(conditions) if container is not None or conditions else [READY],
            "containerStatuses": [RUNNING if container is None else container],
        },
    }


def waiting(for_what: str, why: str = "", **last: Any) -> Object:
    return {
        "ready": False,
        "state": {"waiting": {"reason": for_what, "message": why}},
        "lastState": {"terminated": last} if last else {},
    }


def ended(**how: Any) -> Object:
    return {"ready": False, "state": {"terminated": how}}


STARTING: Object = {"ready": False, "state": {"running": {}}}
LATE = {
    "type": "Progressing",
    "status": "False",
    "reason": "ProgressDeadlineExceeded",
    "lastUpdateTime": "2026-11-30T15:52:17Z",
}
NO_ROOM = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available"}
QUOTA = {
    "type": "ReplicaFailure",
    "status": "True",
    "reason": "FailedCreate",
    "message": 'pods "x-7d9f-k2x" is forbidden: exceeded quota: small',
}


def test_complete() -> None:
    assert judge(deployment(), [pod()], WANTED) == Rollout(True, 1)
    assert judge(deployment(3), [pod(), pod(), pod()], WANTED) == Rollout(True, 3)


def test_nothing_wanted_is_complete() -> None:
    assert judge(deployment(0), [], WANTED) == Rollout(True, 0)


@pytest.mark.parametrize(
    ("made", "pods"),
    [
        (deployment(observedGeneration=3), [pod()]),
        (deployment(2, updatedReplicas=1), [pod(), pod(OLD)]),
        (deployment(2, availableReplicas=1), [pod(), pod()]),
        (deployment(), []),
        (deployment(), [pod(), pod(OLD)]),
        (deployment(), [pod(), pod(OLD, STARTING)]),
        (deployment(), [pod(WANTED, STARTING)]),
        (deployment(0), [pod(OLD)]),
        (deployment(1, replicas=2), [pod()]),
    ],
    ids=[
        "deployment not yet seen",
        "one pod of two updated",
        "one pod of two available",
        "pod not yet there",
        "old pod still answers",
        "old pod still there",
        "pod not yet ready",
        "last pod still there",
        "surplus pod still counted",
    ],
)
def test_under_way(made: Object, pods: list[Object]) -> None:
    state = judge(made, pods, WANTED)
    assert (state.complete, state.failure, state.stalled) == (False, None, False)


def test_a_pod_on_its_way_out_no_longer_counts() -> None:
    leaving = pod(OLD, deletionTimestamp="2026-01-01T00:00:00Z")
    assert judge(deployment(), [pod(), leaving], WANTED) == Rollout(True, 1)


def test_an_evicted_pod_no_longer_counts() -> None:
    # it stays listed for days, without a deletionTimestamp
    evicted = pod(WANTED, ended(exitCode=137))
    evicted["status"]["phase"] = "Failed"
    assert judge(deployment(), [pod(), evicted], WANTED) == Rollout(True, 1)


@pytest.mark.parametrize(
    ("container", "reason", "message"),
    [
        (
            waiting("CrashLoopBackOff", "back-off 10s", exitCode=3, message="score.py:17 KeyError: 'age'\n"),
            "InitFailed",
            "score.py:17 KeyError: 'age'",
        ),
        (ended(exitCode=3, message="no model"), "InitFailed", "no model"),
        ({**STARTING, "lastState": {"terminated": {"exitCode": 3, "message": "again"}}}, "InitFailed", "again"),
        (ended(exitCode=3), "InitFailed", "see lmd logs"),
        (ended(exitCode=137, reason="OOMKilled"), "OutOfMemory", "spec.resources.limits.memory"),
        (waiting("CrashLoopBackOff", exitCode=137, reason="OOMKilled"), "OutOfMemory", "spec.resources.limits.memory"),
        (waiting("CrashLoopBackOff", exitCode=1, message="bad setting"), "CrashLoop", "exit code 1. bad setting"),
        (
            waiting("CreateContainerConfigError", 'secret "keys" not found'),
            "ContainerConfigInvalid",
            'secret "keys" not found',
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_container_that_will_not_run(container: Object, reason: str, message: str) -> None:
    state = judge(deployment(availableReplicas=0), [pod(WANTED, container)], WANTED)
    assert state.failure and state.failure[0] == reason
    assert message in state.failure[1]
    assert (state.complete, state.stalled) == (False, True)


def test_how_an_old_pod_fails_is_not_the_new_revisions_fault() -> None:
    pods = [pod(OLD, waiting("CrashLoopBackOff", exitCode=1)), pod(WANTED, STARTING)]
    assert judge(deployment(), pods, WANTED).failure is None


def test_a_container_that_ended_once_and_is_ready_again_is_well() -> None:
    container = {**RUNNING, "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}
    assert judge(deployment(), [pod(WANTED, container, READY)], WANTED) == Rollout(True, 1)


@pytest.mark.parametrize(("conditions", "stalled"), [((), False), ((LATE,), True)], ids=["in time", "late"])
def test_no_room_is_waited_for_until_the_deadline(conditions: tuple[Object, ...], stalled: bool) -> None:
    unplaced = pod(WANTED, {}, NO_ROOM)
    unplaced["status"]["containerStatuses"] = []
    state = judge(deployment(1, *conditions, availableReplicas=0), [unplaced, pod(OLD)], WANTED)
    assert state.failure == ("Unschedulable", "no node has room for a pod: 0/1 nodes are available")
    assert state.stalled == stalled


def test_no_room_for_another_is_no_trouble_while_one_is_on_its_way() -> None:
    placed = {"type": "PodScheduled", "status": "True"}
    coming, unplaced, old = pod(WANTED, STARTING, placed), pod(WANTED, {}, NO_ROOM), pod(OLD)
    made = deployment(3, QUOTA, updatedReplicas=2)
    assert judge(made, [coming, unplaced, old, old, old], WANTED).failure is None
    assert _reason(judge(made, [pod(), unplaced, old, old, old], WANTED)) == "Unschedulable"
    crashing = pod(WANTED, waiting("CrashLoopBackOff", exitCode=1), placed)
    assert _reason(judge(made, [crashing, unplaced, old, old, old], WANTED)) == "CrashLoop"
    late = judge(deployment(3, LATE, updatedReplicas=2), [coming, unplaced, old], WANTED)
    assert late.failure and late.failure.reason == "ProgressDeadlineExceeded" and late.stalled


def test_a_quota_hides_nothing_of_the_revision_and_is_none_that_stops_a_roll_that_goes_on() -> None:
    old, raises = pod(OLD), pod(WANTED, ended(exitCode=3, message="score.py:17 KeyError: 'age'"))
    made = deployment(3, QUOTA, updatedReplicas=1)
    assert _reason(judge(made, [raises, old, old, old], WANTED)) == "InitFailed"
    assert judge(made, [pod(), old, old, old], WANTED).failure is None, "an old pod goes for the one that is ready"
    assert _reason(judge(made, [old, old, old], WANTED)) == "FailedCreate"
    assert _reason(judge(made, [pod(), pod()], WANTED)) == "FailedCreate", "no old one is left that could go"
    late = judge(deployment(3, QUOTA, LATE, updatedReplicas=1), [pod(), old, old], WANTED)
    assert _reason(late) == "FailedCreate" and late.stalled


def _reason(state: Rollout) -> str:
    return str(state.failure.reason) if state.failure else ""


def test_room_that_the_old_pods_take_is_had_by_ending_them_first() -> None:
    full = {**NO_ROOM, "message": "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."}
    unplaced = pod(WANTED, {}, full)
    beside = judge(deployment(1, availableReplicas=0), [unplaced, pod(OLD)], WANTED).failure
    assert beside and "spec.update.strategy: Recreate" in beside[1]
    alone = judge(deployment(1, availableReplicas=0), [unplaced], WANTED).failure
    assert alone and "Recreate" not in alone[1]


def test_late_for_no_known_reason() -> None:
    state = judge(deployment(1, LATE, availableReplicas=0), [pod(WANTED, STARTING)], WANTED)
    assert state.failure and state.failure[0] == "ProgressDeadlineExceeded"
    assert state.stalled


def test_a_deadline_that_was_over_before_the_edit_is_not_that_of_the_edit() -> None:
    """The Deployment controller leaves the condition for a moment if it has pods of the template already."""
    before = deployment(1, LATE, availableReplicas=0)
    applied = deployment(1, LATE, availableReplicas=0)
    applied["metadata"]["annotations"] = {names.OUTLIVED_ANNOTATION: outlived(before, is_edited=True)}
    for others in ([], [pod(WANTED, None, NO_ROOM)]):
        state = judge(applied, [pod(WANTED, STARTING), *others], WANTED)
        assert not state.late and not state.stalled
    applied["status"]["conditions"] = [{**LATE, "lastUpdateTime": "2026-11-30T16:02:17Z"}]
    assert judge(applied, [pod(WANTED, STARTING)], WANTED).stalled


def test_what_changes_beside_the_template_does_not_put_off_the_deadline() -> None:
    late = deployment(2, LATE, availableReplicas=0)
    late["metadata"]["managedFields"] = [
        {"manager": names.FIELD_MANAGER, "operation": "Apply", "time": "2026-11-30T15:52:18Z"}
    ]
    assert judge(late, [pod(WANTED, STARTING)], WANTED).late
    assert outlived(late, is_edited=False) == ""


def test_a_deadline_that_was_outlived_is_remembered_until_the_next_template() -> None:
    made = deployment(1, LATE)
    made["metadata"]["annotations"] = {names.OUTLIVED_ANNOTATION: LATE["lastUpdateTime"]}
    assert outlived(made, is_edited=False) == LATE["lastUpdateTime"]
    progressing = {**LATE, "status": "True", "reason": "ReplicaSetUpdated"}
    made["status"]["conditions"] = [progressing]
    assert outlived(made, is_edited=False) == LATE["lastUpdateTime"]
    assert outlived(made, is_edited=True) == outlived(None, is_edited=True) == ""


def test_a_refused_pod_is_told_without_its_random_name() -> None:
    state = judge(deployment(1, QUOTA, availableReplicas=0), [], WANTED)
    assert state.failure == ("FailedCreate", "pods cannot be created: exceeded quota: small")
    assert state.stalled


def test_a_refusal_that_is_over_is_no_failure() -> None:
    over = {**QUOTA, "status": "False"}
    assert judge(deployment(1, over, availableReplicas=0), [pod(WANTED, STARTING)], WANTED).failure is None


@pytest.mark.parametrize("reason", ["ErrImageNeverPull", "ErrImagePull", "ImagePullBackOff"])
def test_an_image_that_a_node_lost_is_noticed_and_not_the_users_fault(reason: str) -> None:
    state = judge(deployment(availableReplicas=0), [pod(WANTED, waiting(reason))], WANTED)
    assert (state.complete, state.failure, state.stalled) == (False, None, False)


def test_a_failure_reads_the_same_whichever_pod_has_it() -> None:
    broken = [pod(WANTED, ended(exitCode=3, message="no model"), name=name) for name in ("x-1", "x-2")]
    states = [judge(deployment(2), [pod(OLD), one], WANTED) for one in broken]
    assert states[0] == states[1]


def test_what_was_complete_once_is_known_of_a_pod_that_fails_later() -> None:
    """A crash after days of service does not speak against the revision."""
    available = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}
    updated = {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}
    crashed = pod(WANTED, waiting("CrashLoopBackOff", exitCode=137))
    later = judge(deployment(1, available, availableReplicas=0), [crashed], WANTED)
    assert (later.failure or ("",))[0] == "CrashLoop"
    assert later.lasted
    assert not judge(deployment(1, updated, availableReplicas=0), [crashed], WANTED).lasted
    assert not judge(deployment(1, available, observedGeneration=3), [crashed], WANTED).lasted, "of another template"
