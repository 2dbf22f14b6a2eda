"""How a resource is reached: the type and port of its Service, and the address that users call."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from localmodel import reasons
from localmodel.engine import nodes
from localmodel.errors import UserError
from localmodel_operator.children import Exposure
from localmodel_operator.cluster import GATEWAY, LMD, NODE, SERVICE, Object, RefusedError
from localmodel_operator.inputs import ports, routes
from localmodel_operator.inputs.ports import Ports
from localmodel_operator.optional import gateway, ingress, kinds
from localmodel_operator.optional.front import NoAddressError
from localmodel_operator.passes.context import Pass, Waiting
from localmodel_operator.passes.observed import Observed
from localmodel_operator.pods import address
from localmodel_operator.pods.address import Front, InCluster, Place

# The others are called as in spec.service.expose
_TYPES = {"None": "ClusterIP", **dict.fromkeys(kinds.ROUTES, "ClusterIP")}
_MAY_REPLACE = 5.0  # seconds, in which a tool that has applied a renamed resource deletes it under its old name
_LOOK_AGAIN = 1.0  # seconds
_NO_ADDRESS = "the cluster has given the Service no address yet; on a cluster that gives none, choose None"


async def choose(context: Pass, service: Object | None) -> Exposure:
    """The exposure that the spec asks for; `service` is the one that there is.

    The port on localhost is noted for the status. One that is allocated is written there before another is.

    Auto never becomes a LoadBalancer: whether a cluster gives addresses shows only on a Service that has asked for
    one, and an address of a cloud costs money and is public.

    Raises:
        UserError: PortUnmapped, PortTaken, NoPortFree, RouteTaken.
        Waiting: for who has the port, or the host and path.
    """
    kind = service_type(context)
    if kind == "NodePort" and context.operator.kind_cluster is not None:
        return Exposure(kind, await _node_port(context, service))
    context.status.values["localPort"] = None
    if context.spec.expose in kinds.ROUTES:
        cluster, namespaces = context.operator.cluster, context.operator.namespaces or (None,)
        listed = await asyncio.gather(*(cluster.list(LMD, namespace) for namespace in namespaces))
        try:
            routes.check(context.owner, [resource for resources in listed for resource in resources])
        except routes.EndingError as waits:
            context.status.progress(reasons.ADDRESS_PENDING, context.status.with_serving(str(waits)))
            raise Waiting(_LOOK_AGAIN) from None
    return Exposure(kind)


def service_type(context: Pass) -> str:
    """The type of the Service that the spec asks for."""
    auto = "None" if context.operator.kind_cluster is None else "NodePort"
    expose = auto if context.spec.expose == "Auto" else context.spec.expose
    return _TYPES.get(expose, expose)


async def place(context: Pass, exposed: Exposure, observed: Observed) -> tuple[str, Place]:
    """The URL for users, and where this process asks at it.

    Raises:
        NoAddressError.
    """
    if exposed.node_port is not None:
        here = context.operator.verify(context.local_port, exposed.node_port)
        return f"http://localhost:{context.local_port}/score", here
    if context.spec.expose in kinds.ROUTES:
        front = await _front(context, observed)
        return f"{front.url}/score", await _nearest(context, front)
    if exposed.type == "ClusterIP":
        inside = in_cluster(context)
        return f"{inside}/score", inside
    service = observed.service
    given = await _node(context, service) if exposed.type == "NodePort" else _balanced(service)
    if not given:
        raise NoAddressError(_NO_ADDRESS)
    return f"http://{given}/score", f"http://{given}"


async def place_of_last(context: Pass, observed: Observed) -> Place | None:
    """Where this process asks at the address that the last status has; None: only the pods can say what answers."""
    operator, service = context.operator, observed.service
    node_port, url, inside = node_port_of(service), context.last_status.get("url", ""), in_cluster(context)
    parts = urlsplit(url)
    if url == f"{inside}/score" or (service and not url and service["spec"]["type"] == "ClusterIP"):
        return inside
    is_routed = context.spec.expose in kinds.ROUTES or observed.optional.keys() & kinds.ROUTES.values()
    if is_routed and (nearest := await _nearest_of_last(context, observed, url)):
        return nearest
    if parts.hostname == "localhost" or not url:
        is_here = operator.kind_cluster is not None and (url or node_port)
        return operator.verify(parts.port or context.local_port, node_port or 0) if is_here else None
    return None if is_routed else f"http://{parts.netloc}"


async def _nearest_of_last(context: Pass, observed: Observed, url: str) -> Place | None:
    """Where this process asks at what leads there, if it still leads there from this URL."""
    if context.spec.expose not in kinds.ROUTES:
        return None
    try:
        front = await _front(context, observed)
    except NoAddressError:
        return None
    return await _nearest(context, front) if url == f"{front.url}/score" else None


async def _front(context: Pass, observed: Observed) -> Front:
    """Where the Ingress or the Gateway leads from.

    Raises:
        NoAddressError.
    """
    route, current = context.spec.route, observed.optional.get(kinds.ROUTES[context.spec.expose])
    if route.gateway is None:
        return ingress.front_of(current, route)
    namespace = route.gateway.namespace or context.namespace
    try:
        current_gateway = await context.operator.cluster.get(GATEWAY, namespace, route.gateway.name)
    except RefusedError as error:
        raise NoAddressError(f"the operator cannot read Gateway {namespace}/{route.gateway.name}: {error}") from None
    return gateway.front_of(current, current_gateway, route, route.gateway)


async def _nearest(context: Pass, front: Front) -> Place:
    """The front, or the Service behind it where no connection from here comes to the front."""
    return front if await address.is_reached(front) else in_cluster(context)


def in_cluster(context: Pass) -> InCluster:
    return InCluster(context.operator.cluster, context.namespace, context.name)


def node_port_of(service: Object | None) -> int | None:
    listed = service["spec"].get("ports", []) if service else []
    return next((port["nodePort"] for port in listed if "nodePort" in port), None)


async def _node(context: Pass, service: Object | None) -> str:
    """The address of a node, always the same one, with the port that the cluster has chosen."""
    port = node_port_of(service)
    listed = await context.operator.cluster.list(NODE)
    first = min(listed, key=lambda node: str(node["metadata"]["name"]), default=None)
    known = {entry["type"]: entry["address"] for entry in first["status"]["addresses"]} if first else {}
    host = known.get("ExternalIP") or known.get("InternalIP")
    return f"{_host(host)}:{port}" if host and port else ""


def _balanced(service: Object | None) -> str:
    ingress: list[Any] = (service or {}).get("status", {}).get("loadBalancer", {}).get("ingress", [])
    return next((_host(entry.get("ip") or entry.get("hostname") or "") for entry in ingress), "")


def _host(name: str) -> str:
    return f"[{name}]" if ":" in name else name


async def _node_port(context: Pass, service: Object | None) -> int:
    asked, last, mapped = context.spec.local_port, context.last_status.get("localPort"), await _mapped(context)
    port, own = asked or last or 0, node_port_of(service)
    # A cluster gives a node port once: who has it need not ask for all Services and resources, which takes long.
    if own is None or mapped.get(port) != own:
        port = await _chosen(context, asked, last, mapped)
    context.status.values["localPort"] = port
    return mapped[port]


def _forget(context: Pass, port: int) -> None:
    """Leave a port out of the status that the resource had, or was about to have, until now."""
    if context.last_status.get("localPort") == port:
        context.status.values["localPort"] = None


async def _chosen(context: Pass, asked: int | None, last: int | None, mapped: Mapping[int, int]) -> int:
    """The port that is asked for, else the last one, else one that nobody has."""
    ports_now = await _ports(context, mapped)
    port = _asked(context, asked, ports_now) if asked else ports.kept(last, ports_now)
    if port is None:
        async with context.operator.allocating:  # the next one sees whose this one is
            port = ports.allocate(await _ports(context, mapped))
            await context.report_value("localPort", port)
    return port


def _asked(context: Pass, port: int, ports_now: Ports) -> int:
    """The port that the spec names.

    Raises:
        UserError: PortUnmapped, PortTaken.
        Waiting: who has it is being deleted, or this resource is new: under another name, it may take the place of the
            one that has the port, which is deleted after it has been created.
    """
    try:
        return ports.asked(port, ports_now)
    except UserError as error:
        _forget(context, port)
        is_ending = port in ports_now.ending
        if error.reason != reasons.PORT_TAKEN or not (is_ending or _age(context.owner) < _MAY_REPLACE):
            raise
        holder = ports_now.holders[port]
        waits = f"{ports.FIELD}: {port} is still held by {holder}, which is being deleted" if is_ending else str(error)
        context.status.progress(reasons.PORT_PENDING, context.status.with_serving(waits))
        raise Waiting(_LOOK_AGAIN) from None


def _age(owner: Object) -> float:
    """For how many seconds a resource has existed."""
    created = datetime.fromisoformat(owner["metadata"]["creationTimestamp"])
    return (datetime.now(UTC) - created).total_seconds()


async def _mapped(context: Pass) -> dict[int, int]:
    """The ports of localhost with the node ports to which the kind cluster maps them."""
    try:
        cluster_nodes = await context.operator.engine.call(nodes.nodes, context.operator.kind_cluster)
    except UserError as error:
        without = "without an engine, images come to a cluster only by a registry: lmd operator run --registry HOST"
        raise UserError(error.reason, f"{error}; {without}") from None
    return {local: port for node in cluster_nodes for local, port in node.ports if 30000 <= port <= 32767}


async def _ports(context: Pass, mapped: Mapping[int, int]) -> Ports:
    cluster = context.operator.cluster
    services, resources = await asyncio.gather(cluster.list(SERVICE), cluster.list(LMD))
    return ports.read(mapped, services, resources, context.key)
