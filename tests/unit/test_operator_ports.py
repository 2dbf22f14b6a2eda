import pytest

from localmodel.errors import UserError
from localmodel_operator.inputs.ports import node_port

MAPPED = {6789: 30001, 6790: 30002, 6791: 30003}


def test_the_node_port_behind_a_free_port() -> None:
    assert node_port(6790, MAPPED, {}, "a/b") == 30002


def test_a_resource_keeps_the_port_its_own_service_has() -> None:
    assert node_port(6789, MAPPED, {30001: "a/b"}, "a/b") == 30001


def test_others_on_other_ports_do_not_matter() -> None:
    assert node_port(6789, MAPPED, {30002: "x/y", 31000: "x/z"}, "a/b") == 30001


@pytest.mark.parametrize(
    ("port", "mapped", "taken", "reason", "words"),
    [
        (6789, MAPPED, {30001: "x/y"}, "PortTaken", "6789 is taken by Service x/y; free are: 6790, 6791"),
        (
            6789,
            MAPPED,
            {30001: "x/y", 30002: "x/z", 30003: "x/w"},
            "PortTaken",
            "6789 is taken by Service x/y; none is free",
        ),
        (8080, MAPPED, {30002: "x/y"}, "PortUnmapped", "8080 is not mapped .* free are: 6789, 6791"),
        (8080, MAPPED, {30001: "a/b"}, "PortUnmapped", "free are: 6790, 6791"),
        (6789, {}, {}, "PortUnmapped", "the cluster maps no port to localhost"),
    ],
)
def test_a_refusal_names_the_field_and_what_is_free(
    port: int, mapped: dict[int, int], taken: dict[int, str], reason: str, words: str
) -> None:
    with pytest.raises(UserError, match=f"spec.service.localPort: .*{words}") as caught:
        node_port(port, mapped, taken, "a/b")
    assert caught.value.reason == reason
