"""Chooses the delivery: to the operator's registry, to the one that the cluster describes, or to kind's nodes."""

import logging
import re
from collections.abc import Mapping
from typing import Any

import yaml

from localmodel import reasons
from localmodel.cluster_records.providers import provider
from localmodel.engine import nodes
from localmodel.engine.client import Engine
from localmodel.errors import UserError
from localmodel.oci.layout import Layout
from localmodel_operator.cluster import CONFIG_MAP, Cluster, running_in_pod
from localmodel_operator.images.delivery import Delivery
from localmodel_operator.images.delta_import import DeltaImport
from localmodel_operator.images.push import Push, Registry

log = logging.getLogger(__name__)

_PREFIX = "localmodel"
_NAME = re.compile(r"(https?://)?([^/\s]+)((/[a-z0-9]+([._-]+[a-z0-9]+)*)*)/?")


async def registry(cluster: Cluster, option: str | None) -> Registry | None:
    """The registry that the operator was given, as HOST[/PREFIX], or the one that the cluster describes.

    Raises:
        UserError: RegistryInvalid.
    """
    if option:
        return given(option)
    # kube-public/local-registry-hosting describes a cluster's registry (Kubernetes' KEP-1755)
    hosting = await cluster.get(CONFIG_MAP, "kube-public", "local-registry-hosting")
    return hosted(hosting, in_pod=running_in_pod())


def make(node: Mapping[str, Any], engine: Engine, layout: Layout, registry: Registry | None) -> Delivery:
    """The delivery for the cluster of this node.

    Raises:
        UserError: ClusterUnusable, if there is neither a registry nor kind.
    """
    if registry:
        return Push(layout, registry)
    if running_in_pod():
        raise UserError(
            reasons.CLUSTER_UNUSABLE,
            "no registry is known, and an operator in a pod brings images to nodes in no other way. Name one that its "
            "pod and the nodes reach: with --registry HOST[/PREFIX] (registry.address of the chart), or in the "
            "ConfigMap local-registry-hosting of the namespace kube-public (KEP-1755), with hostFromClusterNetwork",
        )
    whose = provider(node)
    if whose.kind_cluster:
        return DeltaImport(engine, layout, whose.kind_cluster)
    raise UserError(
        reasons.CLUSTER_UNUSABLE,
        f"node {node['metadata']['name']} is not a kind node, and no registry is known: images can be brought to kind "
        "directly, to other clusters by a registry that their nodes pull from. Name it with --registry HOST[/PREFIX], "
        f"or in the ConfigMap local-registry-hosting of the namespace kube-public (KEP-1755). {whose.name}: "
        f"{whose.registry}",
    )


async def kind_of_engine(node: Mapping[str, Any], engine: Engine, registry: Registry | None) -> str | None:
    """The name of the node's kind cluster, if its nodes are containers of the engine.

    Without a registry they have to be, whether or not the engine answers now.
    """
    name = provider(node).kind_cluster
    if name is None or registry is None:
        return name
    try:
        return name if await engine.call(nodes.nodes, name) else None
    except UserError as error:
        log.info("kind cluster %s is served as any other cluster, without ports on localhost: %s", name, error)
        return None


def given(text: str) -> Registry:
    """The registry HOST[/PREFIX], with http:// before it for plain HTTP.

    Raises:
        UserError: RegistryInvalid.
    """
    match = _NAME.fullmatch(text)
    host = match[2] if match else ""
    # as in names of images: a first part without a dot or a port is not a host
    if not match or not ("." in host or ":" in host or host == "localhost"):
        raise UserError(reasons.REGISTRY_INVALID, f"{text}: write HOST[/PREFIX], such as registry.example.com/team")
    return Registry(host, host, match[3].strip("/") or _PREFIX, plain=match[1] == "http://")


def hosted(config_map: Mapping[str, Any] | None, *, in_pod: bool) -> Registry | None:
    """The registry that the cluster describes, if it can be reached from here, else None.

    Raises:
        UserError: RegistryInvalid.
    """
    text = (config_map or {}).get("data", {}).get("localRegistryHosting.v1")
    if text is None:
        return None
    try:
        description = yaml.safe_load(text) or {}
        push = description.get("hostFromClusterNetwork" if in_pod else "host", "")
        pull = description.get("hostFromContainerRuntime") or description.get("host") or push
    except (yaml.YAMLError, ValueError, RecursionError, AttributeError):
        raise UserError(
            reasons.REGISTRY_INVALID,
            "ConfigMap kube-public/local-registry-hosting: localRegistryHosting.v1 is not a mapping",
        ) from None
    if not push:
        return None
    # registries of local clusters (kind, k3d, minikube, microk8s) use plain HTTP
    return Registry(str(push), str(pull), _PREFIX, plain=True, help=str(description.get("help", "")))
