"""Judged before Ready is said; and no pod is replaced before enough was seen for a way back that takes a moment."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from support.operator.operator_given import Object, pod, recorded, state

from localmodel.resource.spec import DeploymentSpec, Source
from localmodel_operator.children import Exposure
from localmodel_operator.passes import judge, verify
from localmodel_operator.passes.context import Pass, Waiting
from localmodel_operator.passes.observed import Observed
from localmodel_operator.pods import address
from localmodel_operator.pods.pods import Pod
from localmodel_operator.records.decision import FIRST
from localmodel_operator.records.history import Choice

OLD, NEW = recorded(1), recorded(2)


def swapped(failed: int, of: int, seconds: float = 0.4, before: int = 50) -> Pod:
    """A pod that was started with the old revision and serves the new one."""
    since = {"requests": of, "failed": failed, "seconds": seconds}
    before_switch = {"requests": before, "failed": 0, "seconds": 60.0}
    return pod(OLD, state(NEW, since_switch=since, before_switch=before_switch, recent=since))


class Api:
    """The API server: pods as they are by now, and what is written."""

    def __init__(self, there: list[Pod]) -> None:
        self.there, self.failed = there, ""

    async def annotate(self, kind: Any, namespace: str, name: str, annotations: dict[str, str]) -> None:
        (self.failed,) = annotations.values()


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    api = Api([])

    async def pods(*_: Any) -> tuple[list[Pod], list[Pod]]:
        return api.there, []

    async def no_problem(*_: Any) -> str:
        return ""

    monkeypatch.setattr(verify, "observe_pods", pods)
    monkeypatch.setattr(address, "problem", no_problem)
    return api


def context_of(api: Api, told: Object | None = None) -> Pass:
    owner = {"metadata": {"name": "digits", "namespace": "team", "generation": 7}, "status": told or {}}
    site = cast(Any, SimpleNamespace(cluster=api, admin=api))
    decided = replace(FIRST, good=2, before=1, committed=True)
    return Pass(site, owner, DeploymentSpec("score.py", Source(config_map="code")), decision=decided)


def found(*there: Pod, started_with: int = 1) -> Observed:
    deployment = {"spec": {"replicas": 1, "template": {"metadata": {"labels": {"localmodel.dev/revision": "1"}}}}}
    deployment["spec"]["template"]["metadata"]["labels"]["localmodel.dev/revision"] = str(started_with)  # type: ignore[index]
    return Observed(deployment, None, list(there), [], [], [OLD, NEW], (), 3, None, None, ())


async def settle(context: Pass, there: Observed, choice: Choice) -> None:
    desired = cast(Any, SimpleNamespace(inputs=NEW.inputs, bundle=SimpleNamespace(gate=())))
    await verify.verify(context, choice, desired, Exposure("ClusterIP"), there)


async def test_ready_is_not_said_of_what_has_failed_since_it_was_looked_at(api: Api) -> None:
    api.there = [swapped(12, 12)]
    context = context_of(api)
    with pytest.raises(Waiting):
        await settle(context, found(swapped(0, 0)), Choice(NEW))
    assert (context.status.ready, context.status.reason) == (False, "RollingBack")
    assert api.failed == "ErrorRate: 12 of the first 12 requests failed, and of the 50 before it 0"


async def test_too_few_for_a_verdict_are_waited_for_a_moment(api: Api) -> None:
    api.there = [swapped(4, 5)]
    context = context_of(api)
    with pytest.raises(Waiting) as waiting:
        await settle(context, found(swapped(0, 0)), Choice(NEW))
    assert (context.status.ready, context.status.reconciling, context.status.reason) == (False, True, "Proving")
    assert waiting.value.again_after
    assert not api.failed

    api.there = [swapped(4, 5, seconds=2.1)]
    await settle(context, found(swapped(4, 5, seconds=2.1)), Choice(NEW))
    assert context.status.ready, "not for longer: it is told as a share that fails"


@pytest.mark.parametrize(
    "there", [swapped(0, 0), swapped(0, 5), swapped(1, 5), swapped(5, 5, before=0), pod(NEW, state(NEW))]
)
async def test_nobody_waits_for_what_is_well_or_quiet(api: Api, there: Pod) -> None:
    api.there = [there]
    context = context_of(api)
    await settle(context, found(there), Choice(NEW))
    assert (context.status.ready, context.status.reason) == (True, "Serving")


async def test_what_was_asked_for_is_not_judged(api: Api) -> None:
    api.there = [swapped(12, 12)]
    context = context_of(api)
    await settle(context, found(swapped(12, 12)), Choice(NEW, pinned=True))
    await judge.judge(context, Choice(NEW, pinned=True), found(swapped(12, 12)))
    assert context.status.ready and not api.failed
    assert not judge.is_on_trial(Choice(NEW, pinned=True), found(swapped(0, 0)))


def test_no_pod_is_replaced_before_enough_was_answered() -> None:
    assert judge.is_on_trial(Choice(NEW), found(swapped(0, 3)))
    assert not judge.is_on_trial(Choice(NEW), found(swapped(0, 10)))
    assert not judge.is_on_trial(Choice(NEW), found(swapped(0, 3, seconds=2.0)))
    assert not judge.is_on_trial(Choice(NEW), found(swapped(0, 0, before=0))), "quiet: nothing to compare with"
    assert not judge.is_on_trial(Choice(NEW), found(swapped(0, 3), started_with=2)), "they are being replaced"
    assert not judge.is_on_trial(Choice(NEW, because=("ErrorRate", "x")), found(swapped(0, 3)))


def test_of_a_busy_endpoint_the_verdict_is_there_before_a_pod_has_started() -> None:
    assert not judge.is_on_trial(Choice(NEW), found(swapped(0, 0, before=300)))
    assert judge.is_on_trial(Choice(NEW), found(swapped(0, 0, before=299)))
    assert not judge.is_on_trial(Choice(NEW), found(swapped(0, 0, before=150), swapped(0, 0, before=150)))


@pytest.mark.parametrize(("answered", "seconds"), [(3, 0.5), (10, 2.0)])
async def test_while_pods_start_the_verdict_is_looked_for(api: Api, answered: int, seconds: float) -> None:
    context = context_of(api)
    await judge.judge(context, Choice(NEW), found(swapped(0, answered, before=300), started_with=2))
    assert context.again_after == seconds


def test_while_it_waits_the_status_says_for_what(api: Api) -> None:
    context = context_of(api)
    judge.hold_back(context, NEW)
    text = "pods of revision 2 start when it has answered 10 requests, or served for 2 s"
    assert context.status.durable == (False, "Proving", text)
    assert context.again_after == 0.5


def test_a_share_that_fails_is_told_and_looked_at_again(api: Api) -> None:
    context = context_of(api)
    judge.note_failing(context, [swapped(25, 100, seconds=60.0)], 2)
    assert context.status.degraded == "about 1 in 4 requests to revision 2 fails; lmd logs says why"
    assert context.again_after == 15.0
    told = {"conditions": [{"type": "Degraded", "status": "True", "message": context.status.degraded}]}
    for there, wanted in (
        ([swapped(18, 100, seconds=60.0)], context.status.degraded),
        ([swapped(0, 100, seconds=60.0)], ""),
        ([replace(swapped(0, 0), state=None, last_state=state(NEW))], None),
        ([], ""),
    ):
        again = context_of(api, told)
        judge.note_failing(again, there, 2)
        assert again.status.degraded == wanted


def test_workers_that_were_killed_for_memory_are_told_of_as_long_as_their_pod_serves(api: Api) -> None:
    def killed(failed: int, times: int) -> Pod:
        pod = swapped(failed, 100, seconds=60.0)
        assert pod.state
        return replace(pod, state=replace(pod.state, killed_for_memory=times))

    context = context_of(api)
    judge.note_failing(context, [killed(0, 1)], 2)
    quiet = context.status.degraded
    assert quiet and quiet.startswith("Workers of revision 2 were killed for lack of memory")
    assert "spec.resources.limits.memory" in quiet and context.again_after is None
    judge.note_failing(context, [killed(0, 7)], 2)
    assert context.status.degraded == quiet, "how many there were does not make it another text"
    judge.note_failing(context, [killed(25, 7)], 2)
    assert context.status.degraded == f"about 1 in 4 requests to revision 2 fails; lmd logs says why. {quiet}"
    told = {"conditions": [{"type": "Degraded", "status": "True", "message": context.status.degraded}]}
    again = context_of(api, told)
    judge.note_failing(again, [killed(18, 8)], 2)
    assert again.status.degraded == context.status.degraded
