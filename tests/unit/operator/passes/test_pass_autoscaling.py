"""`spec.autoscaling`: an autoscaler says how many pods there are, and the operator neither does nor minds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import given
from support.operator.fake_api import Call
from support.operator.simulation import NAMESPACE, Simulation

from localmodel.cluster_records import names
from localmodel.cluster_records.autoscaling import autoscaler_spec
from localmodel.resource.spec import Autoscaling
from localmodel_operator.cluster import AUTOSCALER, DEPLOYMENT, SERVICE

SCALING = {"autoscaling": {"max": 3, "inflight": 4}}


@pytest.fixture(name="sim")
def given_sim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulation:
    return Simulation(tmp_path, monkeypatch)


async def serve(sim: Simulation, answer: str = "A", **fields: Any) -> None:
    sim.serve(answer, **fields)
    await sim.settle()


async def scale(sim: Simulation, replicas: int) -> None:
    """What a HorizontalPodAutoscaler does."""
    deployment = sim.api.find(DEPLOYMENT, NAMESPACE, "app")
    assert deployment
    sim.api.put({**deployment, "spec": {**deployment["spec"], "replicas": replicas}})
    sim.look_again()
    await sim.settle()


def replicas(sim: Simulation) -> tuple[int, int]:
    """How many pods the Deployment asks for, and how many answer."""
    deployment = sim.api.find(DEPLOYMENT, NAMESPACE, "app")
    assert deployment
    return deployment["spec"]["replicas"], len(sim.pods.answering(NAMESPACE, "app"))


def autoscaler(sim: Simulation) -> given.Object | None:
    return sim.api.find(AUTOSCALER, NAMESPACE, "app")


def noted(sim: Simulation) -> str | None:
    """What the Service says of the children that only some have."""
    service = sim.api.find(SERVICE, NAMESPACE, "app")
    assert service
    annotation: str | None = service["metadata"].get("annotations", {}).get(names.OPTIONAL_ANNOTATION)
    return annotation


async def test_an_autoscaler_is_made_that_scales_the_deployment(sim: Simulation) -> None:
    await serve(sim, **SCALING)
    found = autoscaler(sim)
    assert found and found["metadata"]["ownerReferences"][0]["uid"] == sim.owner()["metadata"]["uid"]
    assert found["spec"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"}
    assert (found["spec"]["minReplicas"], found["spec"]["maxReplicas"]) == (1, 3)
    (metric,) = found["spec"]["metrics"]
    assert metric["pods"]["metric"] == {"name": "localmodel_requests_in_flight"}
    assert metric["pods"]["target"] == {"type": "AverageValue", "averageValue": "4"}
    assert sim.condition("Ready")["status"] == "True" and not sim.wrong()


async def test_an_autoscaler_goes_by_the_cpu_if_that_is_asked_for(sim: Simulation) -> None:
    await serve(sim, autoscaling={"min": 2, "max": 5, "cpu": 70}, resources={"requests": {"cpu": "1"}})
    found = autoscaler(sim)
    assert found and found["spec"]["minReplicas"] == 2
    target = {"type": "Utilization", "averageUtilization": 70}
    assert found["spec"]["metrics"] == [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


@pytest.mark.parametrize(("inflight", "written"), [(8, "8"), (1500, "1500"), (2000, "2k"), (10000, "10k")])
def test_what_an_autoscaler_goes_by_is_written_as_the_api_server_does(inflight: int, written: str) -> None:
    (metric,) = autoscaler_spec("app", Autoscaling(min=1, max=3, inflight=inflight))["metrics"]
    assert metric["pods"]["target"]["averageValue"] == written


async def test_ready_stays_while_the_autoscaler_changes_how_many_pods_there_are(sim: Simulation) -> None:
    await serve(sim, **SCALING)
    seen = len(sim.api.history)
    for wanted in (3, 1, 2):
        await scale(sim, wanted)
        assert replicas(sim) == (wanted, wanted)
        assert sim.condition("Durable")["status"] == "True"
    ready = [
        each["status"]
        for _, version in sim.api.history[seen:]
        for each in version.get("status", {}).get("conditions", [])
        if version["kind"] == "LocalModelDeployment" and each["type"] == "Ready"
    ]
    assert ready and set(ready) == {"True"}
    assert not sim.wrong()


@pytest.mark.parametrize("update", ["Auto", "Roll", "Recreate"])
async def test_an_edit_reaches_all_pods_and_leaves_them_as_many(sim: Simulation, update: str) -> None:
    await serve(sim, **SCALING)
    await scale(sim, 3)
    await serve(sim, "B", update={"strategy": update}, **SCALING)
    assert sim.answer() == "B" and replicas(sim) == (3, 3)
    assert sim.condition("Ready")["status"] == sim.condition("Durable")["status"] == "True"
    assert not sim.wrong()


async def test_pods_are_as_many_as_before_when_autoscaling_begins_and_ends(sim: Simulation) -> None:
    await serve(sim, replicas=2)
    answering: list[int] = []

    def look(call: Call) -> None:
        answering.append(replicas(sim)[1])

    sim.trouble = look
    await serve(sim, **SCALING)
    assert replicas(sim) == (2, 2) and min(answering) == 2, (
        "the operator no longer says how many, and nobody else has yet"
    )
    await scale(sim, 3)
    await serve(sim, replicas=3)
    assert replicas(sim) == (3, 3)
    assert autoscaler(sim) is None and noted(sim) is None
    await serve(sim, replicas=1)
    assert replicas(sim) == (1, 1) and not sim.wrong()


async def test_an_autoscaler_that_was_deleted_or_edited_by_hand_is_restored(sim: Simulation) -> None:
    await serve(sim, **SCALING)
    found = autoscaler(sim)
    assert found
    sim.api.put({**found, "spec": {**found["spec"], "maxReplicas": 50}})
    sim.look_again()
    await sim.settle()
    assert (autoscaler(sim) or found)["spec"]["maxReplicas"] == 3
    sim.api.remove(found)
    sim.look_again()
    await sim.settle()
    assert autoscaler(sim)


async def test_a_resource_without_autoscaling_asks_for_no_autoscaler(sim: Simulation) -> None:
    await serve(sim)
    assert noted(sim) is None and not [call for call in sim.calls if AUTOSCALER.name in str(call)]


async def test_an_autoscaler_of_somebody_else_is_left_alone(sim: Simulation) -> None:
    theirs = {"apiVersion": AUTOSCALER.api_version, "kind": AUTOSCALER.name, "spec": {"maxReplicas": 9}}
    sim.api.put({**theirs, "metadata": {"name": "app", "namespace": NAMESPACE}})
    await serve(sim, **SCALING)
    ready = sim.condition("Ready")
    assert ready["reason"] == "NotOwned" and "HorizontalPodAutoscaler app" in ready["message"]
    assert (autoscaler(sim) or {})["spec"] == {"maxReplicas": 9}


async def test_a_deployment_that_somebody_has_scaled_to_none_says_how_it_goes_on(sim: Simulation) -> None:
    await serve(sim, **SCALING)
    await scale(sim, 0)
    ready = sim.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("True", "ScaledToZero") and replicas(sim) == (0, 0)
    assert "kubectl scale deployment/app --namespace team --replicas=1 begins it again" in ready["message"]
    await scale(sim, 1)
    assert sim.condition("Ready")["reason"] == "Serving" and sim.answer() == "A"
