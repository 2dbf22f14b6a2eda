from typing import Any

import pytest

from localmodel.errors import UserError
from localmodel_operator.inputs import ports
from localmodel_operator.inputs.ports import Ports

MAPPED = {6789: 30001, 6790: 30002, 6791: 30003}
A = ("a", "b")


def named(name: str) -> dict[str, str]:
    namespace, plain = name.split("/")
    return {"namespace": namespace, "name": plain, "uid": f"uid of {name}"}


def seen(
    services: dict[int, str] | None = None,
    allocated: dict[str, int] | None = None,
    claims: dict[str, int] | None = None,
    mapped: dict[int, int] | None = None,
) -> Ports:
    """What a/b sees: Services by node port, and LocalModelDeployments with a port in their status or spec."""
    found: list[dict[str, Any]] = [
        *(
            {"metadata": named(name), "spec": {"service": {}}, "status": {"localPort": port}}
            for name, port in (allocated or {}).items()
        ),
        *({"metadata": named(name), "spec": {"service": {"localPort": port}}} for name, port in (claims or {}).items()),
    ]
    there = [
        {"metadata": named(name), "spec": {"ports": [{"port": 80}, {"nodePort": node}]}}
        for node, name in (services or {}).items()
    ]
    return ports.read(MAPPED if mapped is None else mapped, there, found, A)


def test_a_port_that_is_asked_for_by_its_number() -> None:
    assert ports.asked(6790, seen()) == 6790
    assert ports.asked(6789, seen({30002: "x/y", 31000: "x/z"})) == 6789
    assert ports.asked(6789, seen({30001: "a/b"}, {"a/b": 6789})) == 6789, "its own"
    assert ports.asked(6789, seen(claims={"x/y": 6789})) == 6789, "who has it first has it"


def test_of_two_that_ask_for_the_same_port_neither_keeps_out_the_other_by_its_status() -> None:
    other = {"metadata": named("x/y"), "spec": {"service": {"localPort": 6789}}, "status": {"localPort": 6789}}
    assert ports.asked(6789, ports.read(MAPPED, [], [other], A)) == 6789
    its = {"metadata": named("x/y"), "spec": {"ports": [{"nodePort": 30001}]}}
    with pytest.raises(UserError, match="6789 is taken by Service x/y"):
        ports.asked(6789, ports.read(MAPPED, [its], [other], A))


@pytest.mark.parametrize(
    ("port", "found", "reason", "words"),
    [
        (6789, seen({30001: "x/y"}), "PortTaken", "6789 is taken by Service x/y; free are: 6790, 6791; without the"),
        (6789, seen({}, {"x/y": 6789}), "PortTaken", "6789 is taken by LocalModelDeployment x/y; free are: 6790, 6791"),
        (
            6789,
            seen({30001: "x/y", 30002: "x/z", 30003: "x/w"}),
            "PortTaken",
            "6789 is taken by Service x/y; none is free",
        ),
        (8080, seen({30002: "x/y"}), "PortUnmapped", "8080 is not mapped .* free are: 6789, 6791"),
        (8080, seen({30001: "x/y"}, claims={"x/z": 6790}), "PortUnmapped", "free are: 6791"),
        (6789, seen(mapped={}), "PortUnmapped", "the cluster maps no port to localhost"),
    ],
)
def test_a_refusal_names_the_field_and_what_is_free(port: int, found: Ports, reason: str, words: str) -> None:
    with pytest.raises(UserError, match=f"spec.service.localPort: .*{words}") as caught:
        ports.asked(port, found)
    assert caught.value.reason == reason


def test_a_port_is_ending_when_all_that_hold_it_are() -> None:
    deleted = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
    owner = {"kind": "LocalModelDeployment", "name": "z", "uid": "uid of x/z", "controller": True}
    resource: dict[str, Any] = {"metadata": named("x/z"), "spec": {}, "status": {"localPort": 6789}}
    service: dict[str, Any] = {
        "metadata": {**named("x/z"), "ownerReferences": [owner]},
        "spec": {"ports": [{"nodePort": 30001}]},
    }
    ending = {"metadata": {**service["metadata"], **deleted}, "spec": service["spec"]}
    leaving = {**resource, "metadata": {**resource["metadata"], **deleted}}
    strange = {"metadata": named("x/z"), "spec": service["spec"]}

    def held(services: list[dict[str, Any]], resources: list[dict[str, Any]]) -> tuple[bool, bool]:
        found = ports.read(MAPPED, services, resources, A)
        return 6789 in found.holders, 6789 in found.ending

    assert held([service], [resource]) == (True, False)
    assert held([service], []) == (True, True), "Kubernetes has not yet deleted what is nobody's any more"
    assert held([service], [leaving]) == (True, True)
    assert held([ending], []) == (True, True)
    assert held([], [leaving]) == (True, True)
    assert held([ending], [resource]) == (True, False), "it is made anew"
    assert held([strange], []) == (True, False)
    assert held([], []) == (False, False)


def test_who_asks_for_none_is_allocated_the_first_that_nobody_has_or_asks_for() -> None:
    assert ports.allocate(seen()) == 6789
    assert ports.allocate(seen({30001: "x/y"}, {"x/z": 6790})) == 6791
    assert ports.allocate(seen(claims={"x/y": 6789})) == 6790
    assert ports.allocate(seen(mapped={80: 30080, 6790: 30002, 6789: 30001})) == 6789
    assert ports.allocate(seen({30001: "x/y"}, mapped={80: 30080, 6789: 30001})) == 80


def test_what_was_allocated_is_kept() -> None:
    assert ports.kept(6790, seen()) == 6790
    assert ports.kept(6790, seen({30002: "a/b"}, {"a/b": 6790}, {"x/y": 6790})) == 6790, "who comes later must wait"
    assert ports.kept(6790, seen({30003: "a/b"})) == 6790, "somebody has changed the Service"
    assert ports.kept(None, seen({30003: "a/b"})) == 6791, "the status was lost"
    assert ports.kept(None, seen()) is None
    assert ports.kept(7000, seen()) is None, "of another cluster"
    assert ports.kept(6790, seen({30002: "x/y"})) is None


def test_where_none_is_left_the_message_says_who_has_them_and_what_to_do() -> None:
    with pytest.raises(UserError) as caught:
        ports.allocate(seen({30001: "x/y"}, {"x/z": 6790}, {"x/w": 6791}))
    assert caught.value.reason == "NoPortFree"
    assert "6789 by Service x/y, 6790 by LocalModelDeployment x/z, 6791 by another claim" in str(caught.value)
    assert "delete a deployment, or make the cluster with more of them" in str(caught.value)
    with pytest.raises(UserError, match="the cluster maps no port") as caught:
        ports.allocate(seen(mapped={}))
    assert caught.value.reason == "PortUnmapped"
