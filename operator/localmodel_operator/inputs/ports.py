"""From the port a user wants on localhost to the node port that the cluster's node maps there."""

from collections.abc import Mapping

from localmodel import reasons
from localmodel.errors import UserError

FIELD = "spec.service.localPort"


def node_port(local_port: int, mapped: Mapping[int, int], taken: Mapping[int, str], key: str) -> int:
    """The node port behind `local_port`.

    `mapped` is localhost port -> node port, as the cluster's nodes publish them; `taken` is node port ->
    "namespace/name" of the Service that has it; `key` is the "namespace/name" that asks.

    Raises:
        UserError: PortUnmapped, PortTaken; the message names the free ports.
    """
    free = sorted(local for local, node in mapped.items() if node not in taken)
    choice = f"free are: {', '.join(map(str, free))}" if free else "none is free"
    if local_port not in mapped:
        ports = "the cluster maps no port to localhost (kind-config.yaml, extraPortMappings)" if not mapped else choice
        raise UserError(
            reasons.PORT_UNMAPPED, f"{FIELD}: {local_port} is not mapped to localhost by the kind cluster; {ports}"
        )
    node = mapped[local_port]
    holder = taken.get(node, key)
    if holder != key:
        raise UserError(reasons.PORT_TAKEN, f"{FIELD}: {local_port} is taken by Service {holder}; {choice}")
    return node
