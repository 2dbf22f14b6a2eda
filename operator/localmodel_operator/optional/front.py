"""What an Ingress and a Gateway have in common: where they lead from, as users and as the operator see it."""

from collections.abc import Mapping, Sequence
from typing import Any

from localmodel.resource.spec import Route
from localmodel_operator.pods.address import Front


class NoAddressError(Exception):
    """There is no address yet; the text says what is missing."""


def front(route: Route, scheme: str, address: str, port: int | None = None) -> Front:
    """The front at an address; `port` is None where it is the scheme's own."""
    behind = f":{port}" if port else ""
    at = f"{_in_url(address)}{behind}"
    name = f"{route.host}{behind}" if route.host else at
    return Front(f"{scheme}://{name}{route.path}", f"{scheme}://{at}")


def backend_path(route: Route) -> str:
    """The path below which requests are led to the deployment."""
    return route.path or "/"


def first(listed: Sequence[Mapping[str, Any]], *names: str) -> str:
    """The first address of a list, under the first of these names that an entry has."""
    return next((str(entry[name]) for entry in listed for name in names if entry.get(name)), "")


def _in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address
