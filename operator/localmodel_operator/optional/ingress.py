"""The Ingress of a resource with `spec.service.expose: Ingress`."""

from collections.abc import Mapping
from typing import Any

from localmodel.resource.spec import Route
from localmodel_operator import children
from localmodel_operator.cluster import INGRESS, Object
from localmodel_operator.optional.front import NoAddressError, backend_path, first, front
from localmodel_operator.pods.address import Front


def ingress(owner: Mapping[str, Any], route: Route) -> Object:
    """The Ingress, which leads to the Service."""
    name = owner["metadata"]["name"]
    backend = {"service": {"name": name, "port": {"name": "http"}}}
    rule: Object = {"http": {"paths": [{"path": backend_path(route), "pathType": "Prefix", "backend": backend}]}}
    spec: Object = {"rules": [{"host": route.host, **rule} if route.host else rule]}
    if route.ingress_class:
        spec["ingressClassName"] = route.ingress_class
    if route.tls_secret:
        spec["tls"] = [{"hosts": [route.host], "secretName": route.tls_secret}]
    return {
        "apiVersion": INGRESS.api_version,
        "kind": INGRESS.name,
        "metadata": children.metadata(owner, name),
        "spec": spec,
    }


def front_of(current: Object | None, route: Route) -> Front:
    """Where the Ingress leads from.

    Raises:
        NoAddressError.
    """
    listed = current.get("status", {}).get("loadBalancer", {}).get("ingress", []) if current else []
    address = first(listed, "ip", "hostname")
    if not address:
        of_class = f"of class {route.ingress_class}" if route.ingress_class else "of the cluster's default class"
        raise NoAddressError(f"no Ingress controller {of_class} has written an address into the Ingress's status yet")
    return front(route, "https" if route.tls_secret else "http", address)
