"""The judge of what the end-to-end tests have seen: it must find what is wrong, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from support.operator.timeline import (
    Asked,
    PodVersion,
    Version,
    rows,
    swallowed_edits,
    went_back,
    wrong_answers,
    wrong_durable,
    wrong_health,
    wrong_silence,
    wrong_words,
)

OWNER = ("team", "digits")


def version(
    at: float,
    reason: str = "Serving",
    ready: bool = True,
    durable: bool = False,
    available: bool = True,
    annotations: dict[str, str] | None = None,
    generation: int = 1,
    degraded: bool = False,
    env: str = "",
    **revisions: int,
) -> Version:
    """A status at second `at`, of the resource's version at * 10."""
    holds = {"Ready": ready, "Durable": durable, "Available": available, "Degraded": degraded}
    conditions: list[dict[str, Any]] = [
        {"type": kind, "status": str(is_so), "reason": reason} for kind, is_so in holds.items()
    ]
    metadata = {
        "namespace": OWNER[0],
        "name": OWNER[1],
        "uid": "u",
        "resourceVersion": str(round(at * 10)),
        "generation": generation,
        "annotations": annotations or {},
    }
    status = {
        "observedGeneration": 1,
        "url": "http://localhost:6789/score",
        "revisions": revisions,
        "conditions": conditions,
    }
    return Version(at, False, {"metadata": metadata, "spec": {"env": env}, "status": status})


def answer(at: float, revision: int, fresh: bool = True) -> Asked:
    return Asked(at - 0.01, at, fresh, "x", revision)


SERVES_1 = version(1, wanted=1, serving=1)
EDITED = version(5, "Progressing", ready=False, wanted=1, serving=1)
SERVES_2 = version(6, wanted=2, serving=2)
UPDATE = [SERVES_1, EDITED, SERVES_2]


def test_rows_are_in_the_order_of_the_api_server() -> None:
    assert rows([SERVES_2, SERVES_1, EDITED]) == [UPDATE]
    assert SERVES_1.port == 6789


@pytest.mark.parametrize(
    "asked",
    [
        [answer(2, 1), answer(4, 1), answer(5.5, 1), answer(5.6, 2), answer(7, 2)],
        [answer(4.9, 2)],  # the news of the edit came a moment late
        [answer(5.9, 1, fresh=False)],
        [answer(0.5, 7)],
        [Asked(7, 7.1, True, None, 0, "ConnectError")],
    ],
)
def test_answers_of_what_serves_or_is_told_to_in_a_moment(asked: list[Asked]) -> None:
    assert list(wrong_answers(UPDATE, asked)) == []


@pytest.mark.parametrize(
    "asked", [answer(7, 1), answer(60, 1), answer(2, 3), answer(1.5, 2), answer(7, 1, fresh=False)]
)
def test_an_answer_of_another_revision_while_ready_stands(asked: Asked) -> None:
    assert len(list(wrong_answers(UPDATE, [asked]))) == 1


def test_a_status_of_an_older_generation_promises_nothing() -> None:
    edited = version(5, generation=2, wanted=1, serving=1)
    assert list(wrong_answers([SERVES_1, edited], [answer(8, 2)])) == []
    assert list(wrong_answers([SERVES_1], [answer(8, 2)])) != []


def test_not_available_while_somebody_answers() -> None:
    row = [version(1, "Crash", ready=False, available=False, wanted=1), version(30, wanted=1, serving=1)]
    assert len(list(wrong_answers(row, [answer(15, 1)]))) == 1
    assert list(wrong_answers(row, [answer(9, 1), answer(22, 1)])) == [], "it follows when the pass ends"


def lost(at: float, revision: int = 0) -> Asked:
    return Asked(at - 0.01, at, True, None, revision, "ConnectError" if not revision else "500 KeyError")


def test_available_while_nobody_answers() -> None:
    gone = version(20, "NotAnswering", ready=False, available=False, wanted=1)
    silence = [answer(9, 1), *(lost(10 + tenth / 10) for tenth in range(60))]
    assert len(list(wrong_silence([SERVES_1, gone], silence))) == 1
    assert len(list(wrong_silence([SERVES_1, EDITED, gone], silence))) == 1, "whatever else was told in between"
    told = version(11, "NotAnswering", ready=False, available=False, wanted=1)
    assert list(wrong_silence([SERVES_1, told], silence)) == []
    assert list(wrong_silence([SERVES_1], [lost(10), lost(11), answer(12, 1), lost(13), lost(14.5)])) == []


def test_a_silence_of_pods_counts_from_when_the_api_server_shows_it() -> None:
    gone = version(20, "NotAnswering", ready=False, available=False, wanted=1)
    silence = [answer(9, 1), *(lost(10 + tenth / 10) for tenth in range(60))]

    def pods(*shown: tuple[float, bool]) -> list[PodVersion]:
        return [PodVersion(round(at * 10), OWNER, "a", 1, False, ready, at) for at, ready in shown]

    def wrong(*shown: tuple[float, bool]) -> int:
        return len(list(wrong_silence([SERVES_1, gone], silence, pods(*shown))))

    assert wrong((5, True), (13.5, False)) == 0
    assert wrong((5, True), (12, False)) == 1, "more than 3 s later"
    assert wrong((5, True)) == wrong((5, False)) == wrong((5, True), (9.5, False)) == 1, (
        "another cause, or known before"
    )
    assert wrong((5, True), (20.5, False)) == 1, "too late to be the cause"


def test_ready_with_a_share_of_failures_that_nobody_tells() -> None:
    answers = [lost(10 + tenth / 10, 1) if tenth % 4 == 0 else answer(10 + tenth / 10, 1) for tenth in range(80)]
    assert len(list(wrong_health([SERVES_1], answers))) == 1
    assert list(wrong_health([SERVES_1, version(12, degraded=True, wanted=1, serving=1)], answers)) == []
    assert list(wrong_health([SERVES_1], [each for each in answers if not each.problem])) == []
    assert list(wrong_health([SERVES_1], answers[:20])) == [], "too few to tell"
    late = version(-60, wanted=1, serving=1)
    assert list(wrong_health([late], answers)) == [], "long after a switch it is looked at now and then only"
    given_up = version(18.2, "RollingBack", ready=False, wanted=1, serving=1)
    assert list(wrong_health([SERVES_1, given_up], answers[40:])) == []


def asked_for(at: float, env: str, value: str = "1 x", reason: str = "ServingAsked", **others: Any) -> Version:
    return version(at, reason, annotations={"localmodel.dev/serve-revision": value}, env=env, wanted=3, **others)


def test_an_edit_behind_an_annotation_that_is_not_served() -> None:
    before = version(1, wanted=3, serving=3, env="a")
    asked = asked_for(2, "a", reason="Serving", serving=3)
    seen_together = [before, asked, asked_for(3, "b", "1 x", reason="Progressing", ready=False, serving=3)]
    assert list(swallowed_edits([*seen_together, asked_for(4, "b", serving=1)])) != []
    assert list(swallowed_edits([*seen_together, asked_for(4, "b", reason="Serving", serving=3)])) == []
    unmet = asked_for(2, "a", "99", reason="RevisionNotFound", ready=False, serving=3)
    still = asked_for(3, "b", "99", reason="RevisionNotFound", ready=False, serving=3)
    assert list(swallowed_edits([before, unmet])) == []
    assert len(list(swallowed_edits([before, unmet, still]))) == 1


def test_an_annotation_holds_until_an_edit() -> None:
    before = version(1, wanted=3, serving=3, env="a")
    scaled = asked_for(5, "a", serving=1, generation=1)
    assert list(swallowed_edits([before, asked_for(2, "a", serving=1), scaled])) == []
    asked_again = asked_for(6, "b", "1 again", serving=1)
    assert list(swallowed_edits([before, asked_for(2, "a", serving=1), asked_again])) == []
    old_status = asked_for(5, "b", serving=1, generation=2)
    assert list(swallowed_edits([before, asked_for(2, "a", serving=1), old_status])) == [], "it is not of this edit"


def pods(*changes: tuple[int, str, int, bool]) -> list[PodVersion]:
    return [PodVersion(number, OWNER, uid, revision, going) for number, uid, revision, going in changes]


LASTS = version(9, durable=True, wanted=2, serving=2, durable_=2)
LASTS.found["status"]["revisions"]["durable"] = LASTS.found["status"]["revisions"].pop("durable_")


def test_durable_while_every_pod_is_of_it() -> None:
    seen = pods((5, "a", 1, False), (60, "b", 2, False), (80, "a", 1, True), (85, "a", 1, True), (95, "c", 3, False))
    assert list(wrong_durable([*UPDATE, LASTS], seen)) == []


def test_durable_while_a_pod_was_started_with_another() -> None:
    assert len(list(wrong_durable([LASTS], pods((5, "a", 1, False), (60, "b", 2, False))))) == 1
    assert list(wrong_durable([LASTS], pods((5, "a", 1, False), (91, "a", 1, True)))) != [], "it went a moment later"


@pytest.mark.parametrize(
    "wrong",
    [
        version(1, wanted=2, serving=1),
        version(1, wanted=1),
        version(1, available=False, wanted=1, serving=1),
        version(1, durable=True, wanted=2, serving=2),
    ],
)
def test_a_status_that_contradicts_itself(wrong: Version) -> None:
    assert list(wrong_words([wrong]))


def test_statuses_that_do_not() -> None:
    asked_for = version(9, "ServingAsked", wanted=2, serving=1)
    failed = version(9, "InitFailed", ready=False, wanted=2, serving=1)
    empty = version(9, "ScaledToZero", available=False, wanted=2)
    assert list(wrong_words([*UPDATE, LASTS, asked_for, failed, empty])) == []


def test_older_one_serves_again() -> None:
    again = version(8, "RollingOut", ready=False, wanted=2, serving=1)
    assert len(list(went_back([*UPDATE, again]))) == 1
    given_up = version(7, "RollingBack", ready=False, wanted=2, serving=2)
    assert list(went_back([*UPDATE, given_up, again])) == []
    asked = version(8, "ServingAsked", annotations={"localmodel.dev/serve-revision": "1"}, wanted=2, serving=1)
    assert list(went_back([*UPDATE, asked])) == []
