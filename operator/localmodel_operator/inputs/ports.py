"""Chooses the port on localhost of a resource: the one in its spec, or an allocated one that it keeps."""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localmodel import reasons
from localmodel.errors import UserError
from localmodel_operator.cluster import LMD

FIELD = "spec.service.localPort"
# Values of spec.service.expose with which a kind cluster leads from localhost
ON_LOCALHOST = ("Auto", "NodePort")
_WITHOUT = "spec.service.expose: None needs no port (lmd forward leads there)"
_NOTHING_MAPPED = "the cluster maps no port to localhost (kind-config.yaml, extraPortMappings)"
# Tried first, so that the documented commands work with the first deployment of a cluster.
FIRST = 6789


@dataclass(frozen=True)
class Ports:
    """The ports of localhost from the view of one resource.

    `mapped` is localhost port -> node port, as the cluster's nodes publish them. `holders` names the owners of ports
    that others have, `claimed` are those that others ask for, `own` is the port of the resource's Service. `ending` are
    ports of holders that are being deleted.
    """

    mapped: Mapping[int, int]
    holders: Mapping[int, str]
    claimed: frozenset[int] = frozenset()
    own: int | None = None
    ending: frozenset[int] = frozenset()

    @property
    def free(self) -> list[int]:
        """The ports that nobody has or asks for, in the order of allocation."""
        free = set(self.mapped) - set(self.holders) - self.claimed
        return sorted(free, key=lambda port: (port < FIRST, port))


def read(
    mapped: Mapping[int, int],
    services: Iterable[Mapping[str, Any]],
    resources: Iterable[Mapping[str, Any]],
    key: tuple[str, str],
) -> Ports:
    """The ports for the resource with this key, from all Services and LocalModelDeployments of the cluster."""
    local = {node: port for port, node in mapped.items()}
    resources = list(resources)
    staying = {resource["metadata"]["uid"] for resource in resources if not _is_deleted(resource)}
    taken = [(service, local[node]) for service in services for node in _node_ports(service) if node in local]
    of_others = [(service, port) for service, port in taken if _key(service) != key]
    others = [resource for resource in resources if _key(resource) != key]
    # The status of one that asks for a port has it before the Service does: of two, either would keep out the other.
    allocated = [
        (other, port) for other in others if not _claim(other) and (port := other.get("status", {}).get("localPort"))
    ]
    holders = {port: f"LocalModelDeployment {'/'.join(_key(other))}" for other, port in allocated}
    holders |= {port: f"Service {'/'.join(_key(service))}" for service, port in of_others}
    stay = {port for other, port in allocated if not _is_deleted(other)}
    stay |= {port for service, port in of_others if not _ends(service, staying)}
    return Ports(
        mapped,
        holders,
        frozenset(filter(None, map(_claim, others))),
        next((port for service, port in taken if _key(service) == key), None),
        frozenset(holders) - stay,
    )


def asked(port: int, ports: Ports) -> int:
    """Check that the resource can have the port, and return it.

    Raises:
        UserError: PortUnmapped, PortTaken; the message names the free ports.
    """
    free = f"free are: {', '.join(map(str, ports.free))}" if ports.free else "none is free"
    if port not in ports.mapped:
        choice = free if ports.mapped else _NOTHING_MAPPED
        raise UserError(
            reasons.PORT_UNMAPPED,
            f"{FIELD}: {port} is not mapped to localhost by the kind cluster; {choice}; {_WITHOUT}",
        )
    if port in ports.holders and port != ports.own:
        choice = f"{free}; without the field, one of these is allocated" if ports.free else free
        raise UserError(reasons.PORT_TAKEN, f"{FIELD}: {port} is taken by {ports.holders[port]}; {choice}")
    return port


def kept(allocated: int | None, ports: Ports) -> int | None:
    """The port that was allocated to the resource before, from its status, else from its Service."""
    usable = (port for port in (allocated, ports.own) if port in ports.mapped and port not in ports.holders)
    return next(usable, None)


def allocate(ports: Ports) -> int:
    """Choose a port for a resource that asks for none.

    Raises:
        UserError: PortUnmapped, NoPortFree.
    """
    if ports.free:
        return ports.free[0]
    if not ports.mapped:
        raise UserError(reasons.PORT_UNMAPPED, f"{FIELD}: {_NOTHING_MAPPED}; {_WITHOUT}")
    held = ", ".join(f"{port} by {ports.holders.get(port, 'another claim')}" for port in sorted(ports.mapped))
    raise UserError(
        reasons.NO_PORT_FREE,
        f"{FIELD}: none is given, and every port that the kind cluster maps to localhost is taken ({held}); delete a "
        f"deployment, or make the cluster with more of them (kind-config.yaml, extraPortMappings); {_WITHOUT}",
    )


def _claim(resource: Mapping[str, Any]) -> int | None:
    """The port that a resource asks for, if it is to be reached at one."""
    service = resource["spec"].get("service", {})
    port: int | None = service.get("localPort")
    return port if service.get("expose", "Auto") in ON_LOCALHOST else None


def _is_deleted(resource: Mapping[str, Any]) -> bool:
    return "deletionTimestamp" in resource["metadata"]


def _ends(service: Mapping[str, Any], staying: Container[str]) -> bool:
    """Whether a Service is being deleted, or will be because the resource that it belongs to is."""
    owners = service["metadata"].get("ownerReferences", [])
    ours = [owner["uid"] for owner in owners if owner.get("controller") and owner["kind"] == LMD.name]
    return _is_deleted(service) or any(uid not in staying for uid in ours)


def _key(resource: Mapping[str, Any]) -> tuple[str, str]:
    return resource["metadata"]["namespace"], resource["metadata"]["name"]


def _node_ports(service: Mapping[str, Any]) -> Iterator[int]:
    return (port["nodePort"] for port in service["spec"].get("ports", []) if "nodePort" in port)
