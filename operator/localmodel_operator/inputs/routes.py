"""Whether a resource can have the host and path that it asks for: behind one controller, only one can answer there."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.resource.spec import Route

Resource: TypeAlias = Mapping[str, Any]


def check(own: Resource, others: Iterable[Resource]) -> None:
    """Check that none of the `others` has the resource's host and path.

    It is whose address it already is, else whose resource is older.

    Raises:
        UserError: RouteTaken.
    """
    asked = _asked(own)
    for other in others:
        if _key(other) != _key(own) and _asked(other) == asked and _rank(other) < _rank(own):
            route = Route.from_manifest(own["spec"]["service"])
            what = f"{route.host or 'any host'} with the path {route.path or '/'}"
            owner = f"LocalModelDeployment {'/'.join(_key(other))}"
            raise UserError(reasons.ROUTE_TAKEN, f"spec.service: {owner} has {what}; choose another path or host")


def _asked(resource: Resource) -> tuple[Any, ...]:
    """What leads to the resource, and from where."""
    service, namespace = resource["spec"].get("service", {}), resource["metadata"]["namespace"]
    route = Route.from_manifest(service)
    gateway = (route.gateway.namespace or namespace, route.gateway.name) if route.gateway else None
    return service.get("expose"), route.ingress_class, gateway, route.host, route.path


def _rank(resource: Resource) -> tuple[Any, ...]:
    """Of several that ask for the same, the first one has it."""
    return not _has_it(resource), resource["metadata"].get("creationTimestamp", ""), _key(resource)


def _has_it(resource: Resource) -> bool:
    url, route = urlsplit(resource.get("status", {}).get("url", "")), Route.from_manifest(resource["spec"]["service"])
    return url.path == f"{route.path}/score" and route.host in ("", url.hostname)


def _key(resource: Resource) -> tuple[str, str]:
    return resource["metadata"]["namespace"], resource["metadata"]["name"]
