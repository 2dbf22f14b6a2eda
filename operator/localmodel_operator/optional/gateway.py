"""The HTTPRoute of a resource with `spec.service.expose: Gateway`, and the Gateway that takes it in."""

from collections.abc import Iterator, Mapping
from typing import Any

from localmodel.resource.spec import GatewayRef, Route
from localmodel_operator import children
from localmodel_operator.cluster import GATEWAY, HTTP_ROUTE, Object
from localmodel_operator.optional.front import NoAddressError, backend_path, first, front
from localmodel_operator.pods.address import Front

# By a listener's protocol: how a URL begins, and the port that it need not name
_SCHEMES = {"HTTPS": ("https", 443), "HTTP": ("http", 80)}


def http_route(owner: Mapping[str, Any], route: Route, gateway: GatewayRef) -> Object:
    """The HTTPRoute, which leads from the Gateway to the Service."""
    name = owner["metadata"]["name"]
    parent = {"group": GATEWAY.api_version.partition("/")[0], "kind": GATEWAY.name, "name": gateway.name}
    if gateway.namespace:
        parent["namespace"] = gateway.namespace
    if gateway.listener:
        parent["sectionName"] = gateway.listener
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": backend_path(route)}}],
        "backendRefs": [{"name": name, "port": 80}],
    }
    return {
        "apiVersion": HTTP_ROUTE.api_version,
        "kind": HTTP_ROUTE.name,
        "metadata": children.metadata(owner, name),
        "spec": {"parentRefs": [parent], **({"hostnames": [route.host]} if route.host else {}), "rules": [rule]},
    }


def front_of(current: Object | None, gateway: Object | None, route: Route, asked: GatewayRef) -> Front:
    """Where the Gateway leads from.

    Raises:
        NoAddressError.
    """
    where = f"Gateway {asked.namespace}/{asked.name}" if asked.namespace else f"Gateway {asked.name}"
    if gateway is None:
        raise NoAddressError(f"there is no {where}")
    conditions = [*_conditions(current or {})]
    for condition in conditions:
        if condition["type"] in ("Accepted", "ResolvedRefs") and condition["status"] == "False":
            raise NoAddressError(f"{where} does not take the HTTPRoute: {condition['reason']}: {condition['message']}")
    if not any((condition["type"], condition["status"]) == ("Accepted", "True") for condition in conditions):
        raise NoAddressError(f"{where} has not taken the HTTPRoute yet; its class needs a controller that runs")
    address = first(gateway.get("status", {}).get("addresses", []), "value")
    if not address:
        raise NoAddressError(f"{where} has no address yet")
    listener = _listener(gateway, route, asked)
    if listener is None:
        raise NoAddressError(f"{where} has no listener for HTTP or HTTPS that fits spec.service")
    scheme, own_port = _SCHEMES[listener["protocol"]]
    return front(route, scheme, address, None if listener["port"] == own_port else listener["port"])


def _conditions(current: Object) -> Iterator[Mapping[str, str]]:
    for parent in current.get("status", {}).get("parents", []):
        yield from parent.get("conditions", [])


def _listener(gateway: Object, route: Route, asked: GatewayRef) -> Mapping[str, Any] | None:
    """The listener that users are led from: one with a certificate before one without."""
    fitting = [
        listener
        for listener in gateway["spec"].get("listeners", [])
        if asked.listener in ("", listener["name"]) and _takes(listener.get("hostname", ""), route.host)
    ]
    return next((one for protocol in _SCHEMES for one in fitting if one["protocol"] == protocol), None)


def _takes(hostname: str, host: str) -> bool:
    """Whether a listener takes requests for the host; without one, it takes what a route does."""
    if not hostname or not host:
        return True
    return host.endswith(hostname[1:]) if hostname.startswith("*.") else host == hostname
