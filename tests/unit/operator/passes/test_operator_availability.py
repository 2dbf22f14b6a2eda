"""Available is what the address says, and is told before the rest of a pass."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from support.operator.operator_given import Object, pod, recorded, state

from localmodel.resource.spec import DeploymentSpec, Source
from localmodel_operator import children
from localmodel_operator.children import Exposure
from localmodel_operator.passes import availability, verify
from localmodel_operator.passes.context import Pass, Waiting
from localmodel_operator.passes.observed import Observed
from localmodel_operator.pods import address
from localmodel_operator.pods.pods import Pod
from localmodel_operator.records.history import Choice

NOW = recorded(2)
READY, GOING = pod(NOW, state(NOW)), pod(NOW, None)
METADATA = {"name": "digits", "namespace": "team", "uid": "u", "generation": 7, "resourceVersion": "9"}
OWNER = {"apiVersion": "localmodel.dev/v1alpha1", "kind": "LocalModelDeployment", "metadata": METADATA}
SERVICE = children.service(OWNER, Exposure("NodePort", 30001))
DEPLOYMENT: Object = {"spec": {"replicas": 1, "template": {"metadata": {}}}}


class Api:
    """Takes what is written."""

    def __init__(self) -> None:
        self.statuses: list[Object] = []
        self.events: list[Object] = []

    async def apply_status(self, owner: Object, status: Object) -> Object:
        self.statuses.append(status)
        return {**owner, "status": status}

    async def create(self, kind: Any, namespace: str, event: Object) -> None:
        self.events.append(event)


def context_of(api: Api, ready: bool = True, available: bool = True, kind: bool = True, replicas: int = 1) -> Pass:
    told = {
        "observedGeneration": 7,
        "url": "http://localhost:6789/score",
        "revisions": {"serving": 2, "wanted": 2},
        "conditions": [
            {
                "type": name,
                "status": str(holds),
                "reason": "Serving",
                "message": "",
                "observedGeneration": 7,
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
            for name, holds in (("Ready", ready), ("Available", available))
        ],
    }
    verify = lambda local, node: f"http://localhost:{local}"  # noqa: E731
    site = cast(Any, SimpleNamespace(cluster=api, kind_cluster="kind" if kind else None, verify=verify))
    spec = DeploymentSpec("score.py", Source(config_map="code"), replicas=replicas)
    return Pass(site, {**OWNER, "status": told}, spec)


def found(
    *there: Pod,
    deployment: Object | None = DEPLOYMENT,
    service: Object | None = SERVICE,
    leaving: list[Pod] | None = None,
) -> Observed:
    return Observed(deployment, service, list(there), leaving or [], [], [], (), 3, None, None, ())


@pytest.fixture
def at_the_address(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Who answers there, by the base of the URL."""
    told: dict[str, str] = {}

    async def asked(base: str) -> str:
        return told.get(base, "")

    monkeypatch.setattr(address, "revision_at", asked)
    return told


@pytest.mark.parametrize(
    ("answers", "there", "wanted"),
    [
        ("2", found(READY), (True, "revision 2 answers")),
        ("", found(READY), (False, "nothing answers at http://localhost:6789/score")),
        ("", found(), (False, "no pod is ready")),
        ("2", found(leaving=[GOING]), (True, "revision 2 answers")),
        ("", found(leaving=[GOING]), (False, "no pod is ready")),
        ("2", found(deployment=None), (True, "revision 2 answers")),
        ("", found(deployment=None), (False, "there is no Deployment")),
        ("2", found(READY, service=None), (False, "Service digits: it has been deleted")),
    ],
    ids=[
        "as it should be",
        "ready pods behind an address that leads nowhere",
        "no pod",
        "a pod on its way out",
        "a pod on its way out that listens no more",
        "pods without a Deployment",
        "nothing at all",
        "no Service, and another program at the port",
    ],
)
async def test_available_is_what_the_address_says(
    at_the_address: dict[str, str], answers: str, there: Observed, wanted: tuple[bool, str]
) -> None:
    at_the_address["http://localhost:6789"] = answers
    context = context_of(Api())
    serving = 2 if there.pods else None
    await availability.check(context, there, serving)
    assert context.status.available and (context.status.available.holds, context.status.available.message) == wanted
    assert (context.again_after is not None) is (wanted[0] is not bool(there.pods)), "soon the two agree again"


@pytest.mark.parametrize(
    ("there", "serving", "available"),
    [
        (found(READY), 2, True),
        (found(), None, False),
        (found(leaving=[GOING]), None, True),
        (found(READY, service=None), 2, False),
        (found(READY, service={**SERVICE, "spec": {**SERVICE["spec"], "selector": {}}}), 2, False),
    ],
)
async def test_without_a_way_to_the_address_the_pods_say(there: Observed, serving: int | None, available: bool) -> None:
    context = context_of(Api(), kind=False)
    await availability.check(context, there, serving)
    assert context.status.available and context.status.available.holds is available


def conditions(api: Api) -> dict[str, tuple[str, str]]:
    return {each["type"]: (each["status"], each["reason"]) for each in api.statuses[-1]["conditions"]}


async def test_the_loss_of_everything_is_told_at_once_with_an_event(at_the_address: dict[str, str]) -> None:
    api = Api()
    context = context_of(api)
    await availability.check(context, found(), None)
    await availability.report_change(context, found())
    assert conditions(api)["Available"] == ("False", "NotAnswering")
    assert conditions(api)["Ready"] == ("False", "NotAnswering")
    assert [event["message"] for event in api.events] == ["no pod is ready"]


@pytest.mark.parametrize(
    ("service", "words"),
    [(None, "deleted"), ({**SERVICE, "spec": {**SERVICE["spec"], "selector": {"a": "b"}}}, "selector")],
)
async def test_a_service_changed_by_hand_is_told_though_it_still_answers(
    at_the_address: dict[str, str], service: Object | None, words: str
) -> None:
    at_the_address["http://localhost:6789"] = "2"
    api = Api()
    context, there = context_of(api), found(READY, service=service)
    await availability.check(context, there, 2)
    await availability.report_change(context, there)
    assert conditions(api)["Ready"] == ("False", "ServiceChanged")
    assert words in api.events[-1]["message"]


async def test_an_answer_again_is_told_and_nothing_else(at_the_address: dict[str, str]) -> None:
    at_the_address["http://localhost:6789"] = "2"
    api = Api()
    context = context_of(api, ready=False, available=False)
    await availability.check(context, found(READY), 2)
    await availability.report_change(context, found(READY))
    assert conditions(api) == {"Ready": ("False", "Serving"), "Available": ("True", "Answering")}
    assert not api.events


async def test_nothing_is_written_where_nothing_has_changed(at_the_address: dict[str, str]) -> None:
    at_the_address["http://localhost:6789"] = "2"
    api = Api()
    context = context_of(api)
    context.owner["status"]["conditions"][1] |= {"reason": "Answering", "message": "revision 2 answers"}
    await availability.check(context, found(READY), 2)
    await availability.report_change(context, found(READY))
    at_the_address.clear()
    empty = context_of(api, available=False, replicas=0)
    empty.owner["status"]["conditions"][1] |= {"reason": "NotAnswering", "message": "no pod is ready"}
    await availability.check(empty, found(), None)
    await availability.report_change(empty, found())
    assert not api.statuses, "nor where nothing is wanted"
    at_the_address["http://localhost:6789"] = "1"
    mixed = context_of(api, ready=False)
    await availability.check(mixed, found(READY), None)
    await availability.report_change(mixed, found(READY))
    assert not api.statuses, "nor while now the one and now the other revision answers"


async def test_what_ends_answering_while_it_is_asked_is_told_before_the_pass_goes_on(
    at_the_address: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: Any) -> str:
        return "nothing answers"

    monkeypatch.setattr(address, "problem", nothing)
    monkeypatch.setattr(verify, "_VERIFY_SECONDS", 0)
    api = Api()
    context = context_of(api)
    with pytest.raises(Waiting):
        await verify.verify(context, Choice(NOW), cast(Any, None), Exposure("NodePort", 30001), found(READY))
    assert conditions(api)["Available"] == ("False", "NotAnswering")
    assert conditions(api)["Ready"] == ("False", "NotAnswering")


async def test_an_edit_is_told_with_it(at_the_address: dict[str, str]) -> None:
    api = Api()
    context = context_of(api)
    context.owner["metadata"] = {**METADATA, "generation": 8}
    await availability.check(context, found(), None)
    await availability.report_change(context, found())
    assert not api.statuses, "Ready of the generation before must not become one of this"
