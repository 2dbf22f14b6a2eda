"""What the operator asks of the API server, and what it must not be able to ask: (verb, resource, namespace, name)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import yaml

OVERLAY = Path(__file__).resolve().parents[3] / "manifests" / "overlays" / "in-cluster"
USER = "system:serviceaccount:localmodel-system:localmodel-operator"


def overlay(*kinds: str) -> list[dict[str, Any]]:
    """The overlay's objects of these kinds."""
    objects = yaml.safe_load_all((OVERLAY / "operator.yaml").read_text())
    return [child for child in objects if child["kind"] in kinds]


def rights() -> list[dict[str, Any]]:
    """The overlay's roles, and to whom they are given."""
    return overlay("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")


class Asked(NamedTuple):
    """`resource` is as kubectl has it (deployments.apps, pods/proxy); no namespace is all of them."""

    verb: str
    resource: str
    namespace: str = ""
    name: str = ""


def _in(namespace: str, rights: dict[str, str]) -> list[Asked]:
    return [Asked(verb, resource, namespace) for resource, verbs in rights.items() for verb in verbs.split()]


_LMD = "localmodeldeployments.localmodel.dev"
NEEDED = [
    Asked("list", "nodes"),
    Asked("watch", "nodes"),
    Asked("get", "namespaces", "", "kube-system"),
    Asked("get", "gateways.gateway.networking.k8s.io"),
    Asked("create", "leases.coordination.k8s.io", "kube-system"),
    Asked("get", "leases.coordination.k8s.io", "kube-system", "localmodel-operator"),
    Asked("update", "leases.coordination.k8s.io", "kube-system", "localmodel-operator"),
    Asked("get", "secrets", "kube-system", "localmodel-operator-admin"),
    Asked("update", "secrets", "kube-system", "localmodel-operator-admin"),
    Asked("get", "configmaps", "kube-public", "local-registry-hosting"),
    *_in(
        "default",
        {
            _LMD: "get list watch",
            f"{_LMD}/status": "patch",
            f"{_LMD}/finalizers": "update",
            "deployments.apps": "get list watch create patch",
            "controllerrevisions.apps": "get list watch create update delete",
            "jobs.batch": "get list create delete",
            "namespaces": "get",
            "services": "get list watch create patch",
            "pods": "get list watch",
            "pods/proxy": "get create",
            "services/proxy": "get",
            "ingresses.networking.k8s.io": "get create patch delete",
            "httproutes.gateway.networking.k8s.io": "get create patch delete",
            "horizontalpodautoscalers.autoscaling": "get create patch delete",
            "configmaps": "get list watch create update",
            "secrets": "get list watch",
            "events": "get create update",
        },
    ),
]
_EVERYWHERE = "get list watch create update patch delete"
FORBIDDEN = [
    *_in("kube-public", {"secrets": _EVERYWHERE, "pods": _EVERYWHERE, "pods/proxy": "get create"}),
    *_in("kube-system", {"secrets": _EVERYWHERE, "configmaps": _EVERYWHERE, "pods/proxy": "create"}),
    *_in("", {"secrets": _EVERYWHERE, "configmaps": _EVERYWHERE, "pods": _EVERYWHERE, "pods/proxy": "get create"}),
    *_in("", {"deployments.apps": "list create patch", "controllerrevisions.apps": "list create", "events": "create"}),
    *_in("default", {"secrets": "create update patch delete", "pods": "create delete", "pods/exec": "create"}),
    *_in("default", {_LMD: "create update patch delete", "roles.rbac.authorization.k8s.io": "create update"}),
    Asked("get", "secrets", "kube-system", "another"),
    Asked("delete", "secrets", "kube-system", "localmodel-operator-admin"),
    *_in("", {"services": "list", _LMD: "list", "namespaces": "list watch"}),
    Asked("list", "customresourcedefinitions.apiextensions.k8s.io"),
    Asked("get", "namespaces", "", "default"),
    Asked("get", "namespaces", "kube-public", "kube-public"),
    Asked("update", "nodes"),
    *_in("", {"ingresses.networking.k8s.io": "list create", "gateways.gateway.networking.k8s.io": "list create patch"}),
]
