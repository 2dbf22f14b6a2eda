"""Which delivery an operator uses: the registry it is told of, the one that the cluster tells of, or a kind's nodes."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from localmodel import reasons
from localmodel.engine.client import Engine
from localmodel.errors import UserError
from localmodel.oci.layout import Layout
from localmodel_operator.cluster import CONFIG_MAP, NODE, Cluster, running_in_pod
from localmodel_operator.images.delivery import Delivery
from localmodel_operator.images.delta_import import DeltaImport
from localmodel_operator.images.push import Push, Registry

_PREFIX = "localmodel"
_NAME = re.compile(r"(https?://)?([^/\s]+)((/[a-z0-9]+([._-]+[a-z0-9]+)*)*)/?")


async def make(cluster: Cluster, engine: Engine, layout: Layout, told: str | None) -> Delivery:
    """The delivery for this cluster. `told` is the registry that the operator was given: HOST[/PREFIX].

    Raises:
        UserError: RegistryInvalid; ClusterUnusable: neither a registry nor kind.
    """
    # kube-public/local-registry-hosting is the cluster's word on its registry: Kubernetes' KEP-1755
    found = None if told else await cluster.get(CONFIG_MAP, "kube-public", "local-registry-hosting")
    registry = given(told) if told else hosted(found, in_pod=running_in_pod())
    if registry:
        return Push(layout, registry)
    node = (await cluster.list(NODE))[0]
    if name := kind_cluster(node):
        return DeltaImport(engine, layout, name)
    raise UserError(
        reasons.CLUSTER_UNUSABLE,
        f"node {node['metadata']['name']} is not a kind node, and no registry is known: images can be brought to kind "
        "directly, to other clusters by a registry that their nodes pull from. Name it with --registry HOST[/PREFIX], "
        "or in the ConfigMap local-registry-hosting of the namespace kube-public (KEP-1755)",
    )


def kind_cluster(node: Mapping[str, Any]) -> str | None:
    """Name of the kind cluster, from the provider id kind gives its nodes: kind://docker/CLUSTER/NODE."""
    scheme, _, rest = node["spec"].get("providerID", "").partition("://")
    return str(rest.split("/")[1]) if scheme == "kind" else None


def given(text: str) -> Registry:
    """The registry HOST[/PREFIX], in which http:// before it means just that.

    Raises:
        UserError: RegistryInvalid.
    """
    found = _NAME.fullmatch(text)
    host = found[2] if found else ""
    # as in every image's name: a first part without a dot or a port is none
    if not found or not ("." in host or ":" in host or host == "localhost"):
        raise UserError(reasons.REGISTRY_INVALID, f"{text}: write HOST[/PREFIX], such as registry.example.com/team")
    return Registry(host, host, found[3].strip("/") or _PREFIX, plain=found[1] == "http://")


def hosted(config_map: Mapping[str, Any] | None, *, in_pod: bool) -> Registry | None:
    """The registry that the cluster tells of, if it tells of one that can be reached from here.

    Raises:
        UserError: RegistryInvalid.
    """
    text = (config_map or {}).get("data", {}).get("localRegistryHosting.v1")
    if text is None:
        return None
    try:
        told = yaml.safe_load(text) or {}
        push = told.get("hostFromClusterNetwork" if in_pod else "host", "")
        pull = told.get("hostFromContainerRuntime") or told.get("host") or push
    except (yaml.YAMLError, ValueError, RecursionError, AttributeError):
        raise UserError(
            reasons.REGISTRY_INVALID,
            "ConfigMap kube-public/local-registry-hosting: localRegistryHosting.v1 is not a mapping",
        ) from None
    if not push:
        return None
    # registries beside local clusters speak plain HTTP: those of kind, k3d, minikube and microk8s do
    return Registry(str(push), str(pull), _PREFIX, plain=True, help=str(told.get("help", "")))
