"""What tells Flux or Argo CD to serve a folder of a Git repository."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from localmodel import data

_HEALTH = "argocd/localmodel.dev/LocalModelDeployment/health.lua"


@dataclass(frozen=True)
class Place:
    """The folder `path` of a repository's branch, and the deployment `name` that it becomes in a namespace."""

    name: str
    namespace: str
    url: str
    branch: str
    path: str


def flux(place: Place) -> list[Mapping[str, Any]]:
    """A GitRepository and a Kustomization."""
    repository, kustomization = _manifests("flux")
    repository["metadata"]["name"] = kustomization["metadata"]["name"] = place.name
    repository["spec"] |= {"url": place.url, "ref": {"branch": place.branch}}
    kustomization["spec"]["sourceRef"]["name"] = place.name
    kustomization["spec"] |= {"path": f"./{place.path}", "targetNamespace": place.namespace}
    return [repository, kustomization]


def argocd(place: Place) -> list[Mapping[str, Any]]:
    """An Application, and the health check for the ConfigMap of Argo CD's settings."""
    (application,) = _manifests("argocd")
    application["metadata"]["name"] = place.name
    application["spec"]["source"] |= {"repoURL": place.url, "targetRevision": place.branch, "path": place.path}
    application["spec"]["destination"]["namespace"] = place.namespace
    script = (data.path("manifests/gitops") / _HEALTH).read_text()
    settings = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "argocd-cm", "namespace": application["metadata"]["namespace"]},
        "data": {"resource.customizations.health.localmodel.dev_LocalModelDeployment": script},
    }
    return [application, settings]


def _manifests(tool: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((data.path("manifests/gitops") / tool / "digits.yaml").read_text()))
