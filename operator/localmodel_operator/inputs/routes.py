"""Whether a resource can have the host and path that it asks for: behind one controller, only one can answer there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.resource.spec import Route

Resource: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Claim:
    """What leads to a resource, and from where.

    `front` is the kind of what leads there, with the Gateway. Of several that ask for the same, the one with the
    lowest `rank` has it: whose address it already is, else whose resource is older.
    """

    resource: Resource
    key: tuple[str, str]
    front: tuple[Any, ...]
    route: Route
    rank: tuple[Any, ...]

    @classmethod
    def of(cls, resource: Resource) -> "Claim":
        """The claim of a valid resource."""
        service, metadata = resource["spec"].get("service", {}), resource["metadata"]
        key, route = (metadata["namespace"], metadata["name"]), Route.from_manifest(service)
        gateway = (route.gateway.namespace or metadata["namespace"], route.gateway.name) if route.gateway else None
        rank = not _has_it(resource, route), metadata.get("creationTimestamp", ""), key
        return cls(resource, key, (service.get("expose"), gateway), route, rank)

    @property
    def where(self) -> str:
        """The host and path, in words."""
        return f"{self.route.host or 'any host'} with the path {self.route.path or '/'}"

    def overlaps(self, other: "Claim") -> bool:
        """Whether only one of the two can be had.

        In one namespace the more specific one has its requests, as whoever has made both wants it; for another
        namespace, these would be requests taken away.
        """
        if self.front != other.front or not _may_be_one(self.route.ingress_class, other.route.ingress_class):
            return False
        if self.key[0] == other.key[0]:
            return (self.route.host, self.route.path) == (other.route.host, other.route.path)
        path, path_of_other = f"{self.route.path}/", f"{other.route.path}/"
        is_below = path.startswith(path_of_other) or path_of_other.startswith(path)
        return is_below and _may_be_one(self.route.host, other.route.host)


class EndingError(Exception):
    """Who has the host and path is being deleted; the text says who."""


def check(own: Resource, others: Iterable[Resource]) -> None:
    """Check that none of the `others` has the resource's host and path, or overlaps with it in another namespace.

    Raises:
        UserError: RouteTaken.
        EndingError.
    """
    asked = Claim.of(own)
    holder = _holder(asked, map(Claim.of, others))
    if holder is None:
        return
    owner = f"LocalModelDeployment {'/'.join(holder.key)}"
    if "deletionTimestamp" in holder.resource["metadata"]:
        raise EndingError(f"spec.service: {holder.where} is still held by {owner}, which is being deleted")
    overlap = "" if holder.where == asked.where else f", which overlaps with {asked.where}"
    is_of_one_class = holder.route.ingress_class == asked.route.ingress_class
    choice = "another path or host" if is_of_one_class else "another path or host, or an ingressClass for both"
    raise UserError(reasons.ROUTE_TAKEN, f"spec.service: {owner} has {holder.where}{overlap}; choose {choice}")


def _holder(asked: Claim, others: Iterable[Claim]) -> Claim | None:
    """Who has what is asked for. One that cannot have what it asks for keeps nobody else from it."""
    earlier = [other for other in others if other.front == asked.front and other.rank < asked.rank]
    concerned: dict[tuple[str, str], Claim] = {}
    unread = [asked]
    while unread:
        claim = unread.pop()
        further = [other for other in earlier if other.rank < claim.rank and other.overlaps(claim)]
        unread += [other for other in further if other.key not in concerned]
        concerned |= {other.key: other for other in further}
    holders: list[Claim] = []
    for claim in sorted(concerned.values(), key=lambda claim: claim.rank):
        if not any(map(claim.overlaps, holders)):
            holders.append(claim)
    return next(filter(asked.overlaps, holders), None)


def _may_be_one(name: str, other: str) -> bool:
    """Whether two names may mean the same, where one that is left out may mean any."""
    return not name or not other or name == other


def _has_it(resource: Resource, route: Route) -> bool:
    """Whether its last address is the route's, and not that of a Service, which it may have had until now."""
    url = urlsplit(resource.get("status", {}).get("url", ""))
    host = url.hostname or ""
    is_of_service = host.endswith(".svc") or (host == "localhost" and url.port is not None)
    return url.path == f"{route.path}/score" and route.host in ("", host) and not is_of_service
