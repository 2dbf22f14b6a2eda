"""Pods as they list and tell of themselves: who answers, who is behind, who can take a revision."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.operator.operator_given import pod, recorded, state

from localmodel_operator.pods import pods
from localmodel_operator.pods.pods import Pod

OLD, NEW = recorded(1), recorded(2)
STARTED_OLD, STARTED_NEW = pod(OLD, state(OLD)), pod(NEW, state(NEW))
SWAPPED = pod(OLD, state(NEW, epoch=2))
COMING_UP = pod(NEW, None, ready=False)
COMING_UP_OLD = pod(OLD, None, ready=False)
UNREADY = pod(OLD, state(OLD, serving=False), ready=False)
SILENT = pod(OLD, None)  # ready, and its server does not answer the operator


def test_a_swapped_pod_serves_what_it_says_and_not_what_it_was_started_with() -> None:
    assert (SWAPPED.serving, SWAPPED.started_with) == (2, 1)
    assert SWAPPED.has(NEW)
    assert not SWAPPED.has(OLD)


def test_a_silent_pod_goes_on_with_what_it_said_last() -> None:
    """Busy for a moment, a pod that was swapped does not serve again what it was started with."""
    busy = replace(SWAPPED, state=None, last_state=SWAPPED.state)
    assert (busy.serving, busy.started_with) == (2, 1)
    assert busy.has(NEW)
    assert pods.everywhere([busy], NEW)
    assert pods.answering_revision([busy, STARTED_NEW], reported=1) == 2


def test_of_a_pod_that_has_never_said_anything_nothing_is_guessed() -> None:
    assert SILENT.serving is None
    assert not pods.everywhere([SILENT], OLD)
    assert pods.answering_revision([SILENT], reported=2) == 2, "what the status has is all that is known"
    assert pods.answering_revision([SILENT, SWAPPED], reported=1) == 1
    assert pods.answering_revision([COMING_UP], reported=2) is None, "it is not ready, and answers nobody"


def test_a_pod_that_is_not_ready_answers_nobody() -> None:
    assert UNREADY.serving is None
    assert COMING_UP.serving is None
    assert pod(OLD, state(OLD, serving=False)).serving is None, "its own word counts more than a probe a second old"


@pytest.mark.parametrize(
    ("there", "number"),
    [
        ([], None),
        ([COMING_UP], None),
        ([UNREADY, COMING_UP], None),
        ([STARTED_OLD], 1),
        ([SWAPPED], 2),
        ([SWAPPED, COMING_UP], 2),
        ([SWAPPED, STARTED_OLD], 1),
        ([STARTED_OLD, SWAPPED], 1),
        ([SWAPPED, SILENT], 2),
    ],
)
def test_while_two_answer_the_older_one_is_told(there: list[Pod], number: int | None) -> None:
    assert pods.answering_revision(there) == number


@pytest.mark.parametrize(
    ("there", "holds"),
    [
        ([], False),
        ([SWAPPED], True),
        ([STARTED_NEW], True),
        ([SWAPPED, STARTED_NEW], True),
        ([SWAPPED, COMING_UP], True),
        ([STARTED_OLD], False),
        ([SWAPPED, STARTED_OLD], False),
        ([SWAPPED, SILENT], False),
        ([COMING_UP], False),
        ([SWAPPED, COMING_UP_OLD], False),  # it may be ready with the old one at any moment
        ([SWAPPED, UNREADY], False),
    ],
)
def test_everywhere_means_that_no_pod_can_answer_otherwise(there: list[Pod], holds: bool) -> None:
    assert pods.everywhere(there, NEW) is holds


def test_equal_content_under_another_number_is_not_yet_everywhere() -> None:
    """A→B→A: the pod still tells the old number, and Ready speaks of the new one."""
    again = recorded(3, bundle="bundle 1")
    assert STARTED_OLD.has(again)
    assert not pods.everywhere([STARTED_OLD], again)
    assert pods.everywhere([pod(OLD, state(again, epoch=3))], again)


def test_behind_is_who_answers_and_has_not_heard() -> None:
    there = [STARTED_OLD, SWAPPED, COMING_UP, SILENT, UNREADY]
    assert pods.behind(there, NEW, epoch=2) == [STARTED_OLD, UNREADY]


def test_the_same_content_under_a_later_decision_has_to_be_told() -> None:
    assert pods.behind([SWAPPED], NEW, epoch=3) == [SWAPPED]


def test_a_pod_that_says_it_is_later_than_the_decision_is_not_behind() -> None:
    assert pods.behind([pod(OLD, state(NEW, epoch=9))], NEW, epoch=3) == []


@pytest.mark.parametrize(
    ("there", "words"),
    [
        ([], "no pod is ready"),
        ([COMING_UP], "no pod is ready"),
        ([SILENT], "does not answer"),
        ([pod(OLD, state(OLD, environment="other"))], "environment"),
        ([STARTED_OLD, SILENT], "does not answer"),
    ],
)
def test_why_it_cannot_be_swapped(there: list[Pod], words: str) -> None:
    assert words in (pods.swap_obstacle(there, NEW) or "")


def test_secret_of_another_version() -> None:
    before, after = recorded(1, secrets="sha256:a"), recorded(2, secrets="sha256:b")
    assert "Secret" in (pods.swap_obstacle([pod(before, state(before))], after) or "")
    assert "Secret" in (pods.swap_obstacle([pod(before, state(before))], NEW) or ""), "it is in the pod's variables"
    assert pods.swap_obstacle([pod(before, state(before))], recorded(2, secrets="sha256:a")) is None


def test_pods_that_are_not_ready_or_have_it_already_are_no_hindrance() -> None:
    assert pods.swap_obstacle([STARTED_OLD, COMING_UP, UNREADY, SWAPPED, STARTED_NEW], NEW) is None


def test_the_same_content_in_another_environment_is_another_revision() -> None:
    """Only the requirements were edited."""
    before = recorded(1)
    after = replace(recorded(2, bundle="bundle 1"), environment="other")
    live = pod(before, state(before))
    assert live.has(recorded(2, bundle="bundle 1"))
    assert not live.has(after)
    assert "environment" in (pods.swap_obstacle([live], after) or "")


def with_variables(*listed: dict[str, Any]) -> Pod:
    return pod(OLD, state(OLD), env=list(listed))


def test_variables_are_set_changed_and_taken_away() -> None:
    there = with_variables(
        {"name": "SAME", "value": "1"}, {"name": "OTHER", "value": "1"}, {"name": "GONE", "value": "1"}
    )
    wanted = recorded(2, SAME="1", OTHER="2", ADDED="3")
    assert pods.overlay(there, wanted) == {"SAME": "1", "OTHER": "2", "ADDED": "3", "GONE": None}


def test_values_of_secrets_and_of_the_pod_itself_stay_where_they_are() -> None:
    secret = {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    uid = {"name": "LOCALMODEL_POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}}
    service = {"name": "LOCALMODEL_SERVICE_NAME", "value": "digits"}
    there = with_variables(secret, uid, service, {"name": "LOCALMODEL_EPOCH", "value": "1"})
    wanted = recorded(2, LOCALMODEL_EPOCH="2", LOCALMODEL_ADMIN_KEY="other", LOCALMODEL_REVISION="2")
    wanted.template["spec"]["containers"][0]["env"].append(secret)
    assert pods.overlay(there, wanted) == {"LOCALMODEL_REVISION": "2"}


def test_an_empty_value_is_a_value() -> None:
    assert pods.overlay(with_variables(), recorded(2, EMPTY="")) == {"EMPTY": ""}


def test_the_latest_that_any_pod_has_heard_of() -> None:
    assert pods.latest_epoch([]) == 0
    assert pods.latest_epoch([COMING_UP, SWAPPED, STARTED_OLD]) == 2
