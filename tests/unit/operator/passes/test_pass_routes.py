"""A deployment that an Ingress or a Gateway leads to: the child that does, its address, and what Ready says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import given
from support.operator.fake_api import Call
from support.operator.simulation import NAMESPACE, PORT, Simulation

from localmodel.cluster_records import names
from localmodel_operator.cluster import GATEWAY, HTTP_ROUTE, INGRESS, SERVICE, Kind
from localmodel_operator.passes import verify

CONTROLLER = "203.0.113.7"
INGRESS_OF = {"expose": "Ingress", "host": "ml.example", "path": "/team/digits"}
GATEWAY_OF = {"expose": "Gateway", "gateway": {"name": "public", "namespace": "infra"}, "host": "ml.example"}
HTTP = {"name": "http", "port": 80, "protocol": "HTTP"}
HTTPS = {"name": "https", "port": 443, "protocol": "HTTPS"}
TAKEN = {"type": "Accepted", "status": "True", "reason": "Accepted", "message": ""}


@pytest.fixture(name="sim")
def given_sim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulation:
    return Simulation(tmp_path, monkeypatch)


async def serve(sim: Simulation, service: given.Object, answer: str = "A", **fields: Any) -> None:
    manifest = given.lmd("app", PORT, given.inline(given.script(answer)), **fields)
    manifest["spec"]["service"] = dict(service)
    sim.apply(manifest)
    await sim.settle()


def child(sim: Simulation, kind: Kind) -> given.Object:
    made = sim.api.find(kind, NAMESPACE, "app")
    assert made
    return made


def kinds(sim: Simulation) -> tuple[set[str], str | None]:
    """The routes that there are, and what the Service says of them."""
    annotations = child(sim, SERVICE)["metadata"].get("annotations", {})
    there = {kind.name for kind in (INGRESS, HTTP_ROUTE) if sim.api.all(kind)}
    return there, annotations.get(names.OPTIONAL_ANNOTATION)


def ready(sim: Simulation) -> tuple[str, str, str]:
    """Ready, its reason, and the URL of the status."""
    condition = sim.condition("Ready")
    return condition["status"], condition["reason"], sim.owner()["status"].get("url", "")


def message(sim: Simulation) -> str:
    return str(sim.condition("Ready")["message"])


async def written(sim: Simulation, kind: Kind, status: given.Object) -> None:
    """A controller writes the status of the route."""
    sim.api.put({**child(sim, kind), "status": status})
    sim.look_again()
    await sim.settle()


async def led_by_ingress(sim: Simulation, address: given.Object | None = None) -> None:
    await written(sim, INGRESS, {"loadBalancer": {"ingress": [address or {"ip": CONTROLLER}]}})


async def led_by_gateway(sim: Simulation, *listeners: given.Object, conditions: tuple[given.Object, ...] = ()) -> None:
    found = {"apiVersion": GATEWAY.api_version, "kind": GATEWAY.name, "spec": {"listeners": list(listeners)}}
    status = {"addresses": [{"type": "IPAddress", "value": CONTROLLER}]}
    sim.api.put({**found, "metadata": {"name": "public", "namespace": "infra"}, "status": status})
    await written(sim, HTTP_ROUTE, {"parents": [{"conditions": list(conditions or (TAKEN,))}]})


async def test_an_ingress_leads_there_from_its_host_and_path(sim: Simulation) -> None:
    await serve(sim, {**INGRESS_OF, "ingressClass": "nginx"})
    assert ready(sim) == ("False", "AddressPending", "")
    assert "no Ingress controller of class nginx has written an address" in message(sim)
    await led_by_ingress(sim)
    assert ready(sim) == ("True", "Serving", "http://ml.example/team/digits/score")
    made = child(sim, INGRESS)
    assert made["metadata"]["ownerReferences"][0]["uid"] == sim.owner()["metadata"]["uid"]
    backend = {"service": {"name": "app", "port": {"name": "http"}}}
    path = {"path": "/team/digits", "pathType": "Prefix", "backend": backend}
    assert made["spec"] == {"ingressClassName": "nginx", "rules": [{"host": "ml.example", "http": {"paths": [path]}}]}
    assert child(sim, SERVICE)["spec"]["type"] == "ClusterIP" and kinds(sim) == ({"Ingress"}, "Ingress")
    assert not sim.wrong()


def known_to(sim: Simulation) -> list[tuple[str | None, str | None]]:
    """The name and the path that each pod's server knows."""
    return [
        (server.env.get("LOCALMODEL_PUBLIC_HOST"), server.env.get("LOCALMODEL_PUBLIC_PATH"))
        for server in sim.pods.answering(NAMESPACE, "app")
    ]


async def test_the_server_knows_its_name_and_its_path_whichever_revision_it_serves(sim: Simulation) -> None:
    await serve(sim, {"expose": "None"})
    assert known_to(sim) == [(None, None)]
    await serve(sim, INGRESS_OF, "B")
    await led_by_ingress(sim)
    assert known_to(sim) == [("ml.example", "/team/digits")] and sim.answer() == "B"
    sim.apply({**sim.owner(), "metadata": {"name": "app", "annotations": {names.SERVE_ANNOTATION: "1"}}})
    await sim.settle()
    assert known_to(sim) == [("ml.example", "/team/digits")] and sim.answer() == "A"
    assert ready(sim) == ("True", "ServingAsked", "http://ml.example/team/digits/score")
    await serve(sim, {"expose": "None"})
    assert known_to(sim) == [(None, None)] and not sim.wrong()


async def test_the_route_stays_as_it_was_until_every_pod_knows_the_new_one(sim: Simulation) -> None:
    await serve(sim, INGRESS_OF, replicas=4)
    await led_by_ingress(sim)
    seen: list[tuple[str, set[str | None]]] = []

    def look(call: Call) -> None:
        (rule,) = child(sim, INGRESS)["spec"]["rules"]
        seen.append((rule["http"]["paths"][0]["path"], {path for _, path in known_to(sim)}))

    sim.trouble = look
    await serve(sim, INGRESS_OF | {"path": "/team/other"}, replicas=4)
    assert ready(sim) == ("True", "Serving", "http://ml.example/team/other/score")
    assert ("/team/digits", {"/team/digits", "/team/other"}) in seen, "not all pods are replaced at a time"
    assert all(known == {path} for path, known in seen if path == "/team/other")
    assert sim.answers == [None, "A"] and sim.numbers() == [1] and not sim.wrong()


async def test_a_path_is_edited_even_if_the_script_of_the_same_edit_fails(
    sim: Simulation,
) -> None:
    await serve(sim, INGRESS_OF)
    await led_by_ingress(sim)
    broken = given.lmd("app", PORT, given.inline(given.script("B").replace("pass", "{}['age']")))
    broken["spec"]["service"] = INGRESS_OF | {"path": "/team/other"}
    sim.apply(broken)
    await sim.settle()
    assert sim.condition("Ready")["reason"] == "InitFailed" and sim.answer() == "A"
    assert known_to(sim) == [("ml.example", "/team/other")]
    assert sim.owner()["status"]["url"] == "http://ml.example/team/other/score"
    assert sim.condition("Available")["status"] == "True"


async def test_with_a_certificate_the_address_begins_with_https(sim: Simulation) -> None:
    await serve(sim, {**INGRESS_OF, "tlsSecret": "ml-example"})
    await led_by_ingress(sim, {"hostname": "lb.example"})
    assert ready(sim) == ("True", "Serving", "https://ml.example/team/digits/score")
    assert child(sim, INGRESS)["spec"]["tls"] == [{"hosts": ["ml.example"], "secretName": "ml-example"}]


async def test_without_a_host_the_controllers_address_is_the_address(sim: Simulation) -> None:
    await serve(sim, {"expose": "Ingress"})
    await led_by_ingress(sim, {"ip": "2001:db8::7"})
    assert ready(sim) == ("True", "Serving", "http://[2001:db8::7]/score")
    (rule,) = child(sim, INGRESS)["spec"]["rules"]
    assert "host" not in rule and rule["http"]["paths"][0]["path"] == "/"


async def test_a_controller_at_localhost_is_not_taken_for_a_port_of_ours(sim: Simulation) -> None:
    await serve(sim, {"expose": "Ingress", "path": "/digits"})
    await led_by_ingress(sim, {"hostname": "localhost"})
    assert ready(sim) == ("True", "Serving", "http://localhost/digits/score")
    before = sim.api.version
    sim.look_again()
    await sim.settle()
    assert sim.condition("Available")["status"] == "True" and sim.api.version == before
    assert ready(sim)[0] == "True" and not sim.wrong()


async def test_where_no_connection_comes_to_the_service_behind_is_asked_and_that_is_said(sim: Simulation) -> None:
    await serve(sim, INGRESS_OF)
    sim.unreachable.add(CONTROLLER)
    await led_by_ingress(sim)
    assert ready(sim) == ("True", "Serving", "http://ml.example/team/digits/score")
    assert "no connection from the operator comes" in message(sim)
    assert sim.condition("Available")["status"] == "True" and not sim.wrong()


async def test_ready_is_not_said_while_something_else_answers_there(
    sim: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "_VERIFY_SECONDS", 0)
    monkeypatch.setattr(sim, "_behind", lambda front: iter(()))
    await serve(sim, INGRESS_OF)
    await led_by_ingress(sim)
    assert ready(sim) == ("False", "NotAnswering", "")
    assert "http://ml.example/team/digits" in message(sim)


@pytest.mark.parametrize(
    ("listeners", "service", "url"),
    [
        ((HTTP,), {}, "http://ml.example/score"),
        ((HTTP, HTTPS), {}, "https://ml.example/score"),
        (({**HTTP, "port": 8080},), {"path": "/digits"}, "http://ml.example:8080/digits/score"),
        ((HTTP, {**HTTPS, "hostname": "*.example"}), {}, "https://ml.example/score"),
        ((HTTP, {**HTTPS, "hostname": "other.example"}), {}, "http://ml.example/score"),
        (
            (HTTP, HTTPS),
            {"gateway": {"name": "public", "namespace": "infra", "listener": "http"}},
            "http://ml.example/score",
        ),
    ],
)
async def test_a_gateway_leads_there_from_the_listener_that_takes_the_route(
    sim: Simulation, listeners: tuple[given.Object, ...], service: given.Object, url: str
) -> None:
    await serve(sim, GATEWAY_OF | service)
    await led_by_gateway(sim, *listeners)
    assert ready(sim) == ("True", "Serving", url)
    made = child(sim, HTTP_ROUTE)["spec"]
    assert made["hostnames"] == ["ml.example"] and made["parentRefs"][0]["namespace"] == "infra"
    assert made["rules"][0]["backendRefs"] == [{"name": "app", "port": 80}] and not sim.wrong()


async def test_what_keeps_a_gateway_from_leading_there_is_said(sim: Simulation) -> None:
    await serve(sim, GATEWAY_OF)
    assert "there is no Gateway infra/public" in message(sim)
    await led_by_gateway(sim, HTTP, conditions=({**TAKEN, "type": "Programmed"},))
    assert "has not taken the HTTPRoute yet" in message(sim)
    refused = {**TAKEN, "status": "False", "reason": "NotAllowedByListeners", "message": "no route of team is let in"}
    await led_by_gateway(sim, HTTP, conditions=(refused,))
    assert "does not take the HTTPRoute: NotAllowedByListeners: no route of team is let in" in message(sim)
    await led_by_gateway(sim, {**HTTP, "protocol": "TCP"})
    assert "has no listener for HTTP or HTTPS" in message(sim)
    assert ready(sim)[:2] == ("False", "AddressPending")


async def test_a_cluster_without_the_gateway_api_says_so(sim: Simulation) -> None:
    sim.api.unknown |= {HTTP_ROUTE.name, GATEWAY.name}
    await serve(sim, GATEWAY_OF)
    assert ready(sim)[:2] == ("False", "RouteRefused") and "install the Gateway API" in message(sim)
    await serve(sim, {"expose": "None"})
    assert ready(sim) == ("True", "Serving", "http://app.team.svc/score") and kinds(sim) == (set(), None)


async def test_an_edit_takes_away_the_child_that_is_no_longer_wanted(sim: Simulation) -> None:
    await serve(sim, {"expose": "Auto"})
    uid = child(sim, SERVICE)["metadata"]["uid"]
    await serve(sim, {"expose": "Ingress"})
    await led_by_ingress(sim)
    assert kinds(sim) == ({"Ingress"}, "Ingress")
    await serve(sim, {"expose": "Gateway", "gateway": {"name": "public", "namespace": "infra"}})
    await led_by_gateway(sim, HTTP)
    assert ready(sim) == ("True", "Serving", f"http://{CONTROLLER}/score") and kinds(sim) == (
        {"HTTPRoute"},
        "HTTPRoute",
    )
    await serve(sim, {"expose": "Auto"})
    assert ready(sim) == ("True", "Serving", "http://localhost:6789/score") and kinds(sim) == (set(), None)
    assert child(sim, SERVICE)["metadata"]["uid"] == uid and sim.numbers() == [1]
    assert sim.answers == [None, "A"], "the pods have answered all the time"
    assert not sim.wrong()


@pytest.mark.parametrize(
    ("service", "removed"),
    [
        ({**INGRESS_OF}, "host"),
        ({**INGRESS_OF}, "path"),
        ({**INGRESS_OF, "tlsSecret": "ml-example"}, "tlsSecret"),
        ({**INGRESS_OF, "ingressClass": "nginx"}, "ingressClass"),
        ({**GATEWAY_OF, "path": "/digits"}, "host"),
        ({**GATEWAY_OF, "path": "/digits"}, "path"),
        (GATEWAY_OF, "gateway.namespace"),
        ({**GATEWAY_OF, "gateway": {"name": "public", "namespace": "infra", "listener": "web"}}, "gateway.listener"),
    ],
)
async def test_an_edit_that_only_takes_a_field_away_reaches_the_route(
    sim: Simulation, service: given.Object, removed: str
) -> None:
    kind = INGRESS if service["expose"] == "Ingress" else HTTP_ROUTE
    await serve(sim, service)
    outer, _, inner = removed.rpartition(".")
    less = {name: value for name, value in (service[outer] if outer else service).items() if name != inner}
    less = {**service, outer: less} if outer else less
    await serve(sim, less)
    edited = child(sim, kind)["spec"]
    sim.api.remove(child(sim, kind))
    sim.look_again()
    await sim.settle()
    assert edited == child(sim, kind)["spec"], "as of one that never had the field"
    assert not sim.wrong()


async def test_a_class_that_is_left_to_the_cluster_again_makes_the_ingress_anew(sim: Simulation) -> None:
    await serve(sim, {**INGRESS_OF, "ingressClass": "nginx"})
    of_nginx = child(sim, INGRESS)["metadata"]["uid"]
    await serve(sim, INGRESS_OF)
    made = child(sim, INGRESS)
    assert made["metadata"]["uid"] != of_nginx, "a cluster gives its own class to a new Ingress only"
    sim.api.put({**made, "spec": {**made["spec"], "ingressClassName": "of-the-cluster"}})
    sim.look_again()
    await sim.settle()
    kept = child(sim, INGRESS)
    assert kept["metadata"]["uid"] == made["metadata"]["uid"] and kept["spec"]["ingressClassName"] == "of-the-cluster"


async def test_a_service_that_was_deleted_comes_back_with_what_it_says_of_the_ingress(sim: Simulation) -> None:
    await serve(sim, INGRESS_OF)
    await led_by_ingress(sim)
    sim.api.remove(child(sim, SERVICE))
    sim.look_again()
    await sim.settle()
    assert ready(sim)[0] == "True" and kinds(sim) == ({"Ingress"}, "Ingress")


async def test_an_ingress_that_somebody_has_edited_or_deleted_is_restored(sim: Simulation) -> None:
    await serve(sim, INGRESS_OF)
    await led_by_ingress(sim)
    changed = child(sim, INGRESS)
    noted = {**changed["metadata"], "annotations": {"nginx.ingress.kubernetes.io/proxy-read-timeout": "300"}}
    rules = [{**changed["spec"]["rules"][0], "host": "other.example"}]
    sim.api.put({**changed, "metadata": noted, "spec": {**changed["spec"], "rules": rules}})
    sim.look_again()
    await sim.settle()
    restored = child(sim, INGRESS)
    assert restored["spec"]["rules"][0]["host"] == "ml.example"
    assert restored["metadata"]["annotations"] == noted["annotations"], "what others say of it stays"
    sim.api.remove(restored)
    sim.look_again()
    await sim.settle()
    assert child(sim, INGRESS)["spec"] == restored["spec"]


async def test_an_ingress_of_somebody_else_is_left_alone(sim: Simulation) -> None:
    theirs: dict[str, Any] = {"apiVersion": INGRESS.api_version, "kind": INGRESS.name, "spec": {"rules": []}}
    sim.api.put({**theirs, "metadata": {"name": "app", "namespace": NAMESPACE}})
    await serve(sim, INGRESS_OF)
    assert ready(sim)[:2] == ("False", "NotOwned") and "Ingress app" in message(sim)
    assert child(sim, INGRESS)["spec"] == {"rules": []}


async def test_an_ingress_that_somebody_else_makes_meanwhile_is_left_alone(sim: Simulation) -> None:
    theirs: dict[str, Any] = {"apiVersion": INGRESS.api_version, "kind": INGRESS.name, "spec": {"rules": []}}

    def make(call: Call) -> None:
        if str(call) == "apply Ingress app" and not sim.api.all(INGRESS):
            sim.api.put({**theirs, "metadata": {"name": "app", "namespace": NAMESPACE}})

    sim.trouble = make
    await serve(sim, INGRESS_OF)
    assert ready(sim)[:2] == ("False", "NotOwned") and "Ingress app" in message(sim)
    made = child(sim, INGRESS)
    assert made["spec"] == {"rules": []} and "ownerReferences" not in made["metadata"]


async def test_a_host_and_path_of_another_deployment_are_refused_until_it_gives_them_back(
    sim: Simulation,
) -> None:
    async def serve_as(name: str, made: str, service: given.Object) -> None:
        manifest = given.lmd(name, PORT, given.inline(given.script("A")))
        metadata = {"name": name, "creationTimestamp": made}
        sim.apply({**manifest, "metadata": metadata, "spec": {**manifest["spec"], "service": service}})
        await sim.settle()

    await serve_as("app", "2026-01-02T00:00:00Z", INGRESS_OF)
    await led_by_ingress(sim)
    await serve_as("older", "2026-01-01T00:00:00Z", INGRESS_OF)
    refused = sim.condition("Ready", "older")
    assert refused["reason"] == "RouteTaken"
    assert "LocalModelDeployment team/app has ml.example with the path /team/digits" in refused["message"]
    assert [made["metadata"]["name"] for made in sim.api.all(INGRESS)] == ["app"] and ready(sim)[0] == "True"
    await serve_as("other", "2026-01-03T00:00:00Z", INGRESS_OF | {"path": "/team/other"})
    assert sim.condition("Ready", "other")["reason"] == "AddressPending"
    await serve_as("app", "2026-01-02T00:00:00Z", {"expose": "None"})
    sim.look_again()
    await sim.settle()
    assert sim.condition("Ready", "older")["reason"] == "AddressPending"


async def test_a_host_and_path_of_one_that_is_being_deleted_are_waited_for(sim: Simulation) -> None:
    await serve(sim, INGRESS_OF)
    await led_by_ingress(sim)
    owner = sim.owner()
    ending = {"deletionTimestamp": "2026-01-02T00:00:00Z", "finalizers": ["team.example/kept"]}
    sim.api.put({**owner, "metadata": {**owner["metadata"], **ending}})
    second = given.lmd("second", PORT, given.inline(given.script("B")))
    sim.apply({**second, "spec": {**second["spec"], "service": dict(INGRESS_OF)}})
    await sim.settle()
    waits = sim.condition("Ready", "second")
    assert (waits["reason"], sim.condition("Reconciling", "second")["status"]) == ("AddressPending", "True")
    assert waits["message"] == (
        "spec.service: ml.example with the path /team/digits is still held by LocalModelDeployment team/app, which is "
        "being deleted"
    )
    assert [made["metadata"]["name"] for made in sim.api.all(INGRESS)] == ["app"]
    sim.delete("app")
    await sim.settle()
    assert [made["metadata"]["name"] for made in sim.api.all(INGRESS)][-1] == "second"
