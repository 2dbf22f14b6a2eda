"""How a deployment is reached: its Service, its address, and what Ready says of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import given
from support.operator.simulation import NAMESPACE, OTHER_PORT, PORT, PORTS, Simulation

from localmodel_operator.cluster import NODE, SERVICE
from localmodel_operator.passes import verify

BALANCER = "203.0.113.7"


@pytest.fixture(name="sim")
def given_sim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulation:
    return Simulation(tmp_path, monkeypatch)


@pytest.fixture(name="elsewhere")
def given_elsewhere(sim: Simulation) -> Simulation:
    """A cluster whose nodes are not containers of this machine."""
    sim._operator = replace(sim._operator, kind_cluster=None)
    node = {"apiVersion": "v1", "kind": NODE.name, "metadata": {"name": "node"}}
    sim.api.put({**node, "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.4"}]}})
    return sim


async def serve(sim: Simulation, expose: str, name: str = "app", answer: str = "A", port: int | None = None) -> None:
    manifest = given.lmd(name, PORT, given.inline(given.script(answer)))
    manifest["spec"]["service"] = {"expose": expose} | ({"localPort": port} if port else {})
    sim.apply(manifest)
    await sim.settle()


def service(sim: Simulation, name: str = "app") -> given.Object:
    found = sim.api.find(SERVICE, NAMESPACE, name)
    assert found
    return found


def shown(sim: Simulation, name: str = "app") -> tuple[str, Any, Any]:
    """Ready, the URL and the port on localhost of the status."""
    status = sim.owner(name)["status"]
    return sim.condition("Ready", name)["status"], status.get("url"), status.get("localPort")


def changed(sim: Simulation, **fields: Any) -> None:
    """Somebody writes fields of the Service's spec or status."""
    sim.api.put({**service(sim), **fields})
    sim.look_again()


async def test_a_deployment_that_takes_no_port_serves_where_none_is_left(sim: Simulation) -> None:
    for name in ("first", "second"):
        await serve(sim, "Auto", name)
    await serve(sim, "Auto", "third")
    assert sim.condition("Ready", "third")["reason"] == "NoPortFree"
    assert (
        "spec.service.expose: None needs no port (lmd forward leads there)"
        in sim.condition("Ready", "third")["message"]
    )
    await serve(sim, "None", "third")
    await serve(sim, "None", "fourth", port=PORT)
    for name in ("third", "fourth"):
        assert shown(sim, name) == ("True", f"http://{name}.team.svc/score", None)
        assert service(sim, name)["spec"]["type"] == "ClusterIP"
        message = sim.condition("Ready", name)["message"]
        assert f"lmd forward {name} --namespace team --target kind" in message
    assert not sim.wrong()


async def test_an_edit_of_the_exposure_is_an_update_of_the_same_service(sim: Simulation) -> None:
    await serve(sim, "Auto")
    uid, pods = service(sim)["metadata"]["uid"], sim.answer()
    assert shown(sim) == ("True", "http://localhost:6789/score", PORT)
    await serve(sim, "None")
    assert shown(sim) == ("True", "http://app.team.svc/score", None)
    assert "nodePort" not in service(sim)["spec"]["ports"][0]
    await serve(sim, "NodePort", port=OTHER_PORT)
    assert shown(sim) == ("True", "http://localhost:6790/score", OTHER_PORT)
    assert service(sim)["spec"]["ports"][0]["nodePort"] == PORTS[OTHER_PORT]
    assert service(sim)["metadata"]["uid"] == uid and sim.numbers() == [1] and sim.answer() == pods
    assert sim.answers == [None, "A"], "it has answered all the time"
    assert not sim.wrong()


async def test_a_port_that_is_given_back_is_the_next_ones(sim: Simulation) -> None:
    await serve(sim, "Auto", port=PORT)
    await serve(sim, "None", port=PORT)
    await serve(sim, "Auto", "other", port=PORT)
    assert shown(sim, "other") == ("True", "http://localhost:6789/score", PORT)
    assert shown(sim)[0] == "True"


async def test_the_address_follows_an_edit_whose_script_fails(sim: Simulation) -> None:
    await serve(sim, "Auto")
    broken = given.lmd("app", PORT, given.inline(given.script("B").replace("pass", "{}['age']")))
    broken["spec"]["service"] = {"expose": "None"}
    sim.apply(broken)
    await sim.settle()
    assert sim.answer() == "A" and shown(sim) == ("False", "http://app.team.svc/score", None)
    assert "revision 1 goes on serving" in sim.condition("Ready")["message"]


async def test_ready_is_not_said_of_a_service_that_leads_nowhere(
    sim: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sim, "_at", lambda place: set())
    monkeypatch.setattr(verify, "_VERIFY_SECONDS", 0)
    await serve(sim, "None")
    ready = sim.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("False", "NotAnswering")
    assert "nothing answers at http://app.team.svc" in ready["message"]


async def test_an_address_of_the_cluster_is_waited_for(sim: Simulation) -> None:
    await serve(sim, "LoadBalancer")
    ready = sim.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("False", "AddressPending")
    assert service(sim)["spec"]["type"] == "LoadBalancer" and "url" not in sim.owner()["status"]
    changed(sim, status={"loadBalancer": {"ingress": [{"ip": BALANCER}]}})
    await sim.settle()
    assert shown(sim) == ("True", f"http://{BALANCER}/score", None)
    await serve(sim, "Auto")
    assert shown(sim) == ("True", "http://localhost:6789/score", PORT)
    assert not sim.wrong()


async def test_auto_leads_nowhere_outside_where_the_cluster_is_not_kind(elsewhere: Simulation) -> None:
    await serve(elsewhere, "Auto", port=PORT)
    assert shown(elsewhere) == ("True", "http://app.team.svc/score", None)
    assert service(elsewhere)["spec"]["type"] == "ClusterIP"


async def test_a_node_port_that_the_cluster_chooses_is_asked_at_a_node(elsewhere: Simulation) -> None:
    await serve(elsewhere, "NodePort")
    ready = elsewhere.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("False", "AddressPending"), "the API server has not chosen one"
    spec = service(elsewhere)["spec"]
    changed(elsewhere, spec={**spec, "ports": [{**spec["ports"][0], "nodePort": 31234}]})
    await elsewhere.settle()
    assert shown(elsewhere) == ("True", "http://192.0.2.4:31234/score", None)
    assert not elsewhere.wrong()


@pytest.mark.parametrize("port", [PORT, None], ids=["asked for", "allocated"])
async def test_an_edit_of_what_has_its_port_does_not_ask_who_has_which(sim: Simulation, port: int | None) -> None:
    await serve(sim, "Auto", port=port)
    sim.calls.clear()
    await serve(sim, "Auto", answer="B", port=port)
    assert (shown(sim)[0], sim.answer()) == ("True", "B")
    assert not {"list Service", "list LocalModelDeployment"} & {str(call) for call in sim.calls}
    assert not sim.wrong()
