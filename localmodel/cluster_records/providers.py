"""Whose cluster a node belongs to, and by which way it takes images."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Provider:
    """What made the cluster.

    `kind_cluster` is the name of a kind cluster, whose nodes take images from the engine that they run in. The nodes of
    every other cluster pull from a registry; `registry` says how this one comes by one that they reach.
    """

    name: str
    registry: str
    kind_cluster: str | None = None


_KIND = "the page Local Registry of kind's documentation has a script that makes one"
_DESKTOP = "with Docker Desktop 4.38 or newer, choose kind in Settings, Kubernetes: then none is needed"
_K3D = "k3d cluster create NAME --registry-create NAME-registry makes a cluster with one, which the operator finds"
_K3S = "name one in /etc/rancher/k3s/registries.yaml of each node, and give it to lmd operator run --registry"
_MINIKUBE = (
    "minikube addons enable registry; kubectl -n kube-system port-forward service/registry 5000:80; "
    "lmd operator run --registry http://localhost:5000"
)
_OTHER = "lmd operator run --registry HOST[/PREFIX] with one that the nodes reach"


def provider(node: Mapping[str, Any]) -> Provider:
    """The provider of a cluster, by one of its nodes."""
    scheme, _, identity = node["spec"].get("providerID", "").partition("://")
    if scheme == "kind":  # kind://docker/CLUSTER/NODE
        cluster = identity.split("/")[1]
        # Docker Desktop gives this name to its own.
        return Provider("Docker Desktop's kind" if cluster == "desktop" else "kind", _KIND, cluster)
    if scheme == "k3s":  # k3s://NODE
        return Provider("k3d", _K3D) if identity.startswith("k3d-") else Provider("k3s", _K3S)
    if "minikube.k8s.io/name" in node["metadata"].get("labels", {}):
        return Provider("minikube", _MINIKUBE)
    if node["metadata"]["name"] == "docker-desktop":
        return Provider("Docker Desktop's kubeadm", _DESKTOP)
    return Provider("another cluster", _OTHER)
