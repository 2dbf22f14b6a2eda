"""A custom resource that has just been made has no conditions yet."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from kube import Cluster

from localmodel.cluster_records.names import RESOURCE
from localmodel.local_cluster import resource
from localmodel.targets.kind.kubectl import Kubectl

GROUPS = {"apiextensions.k8s.io": "customresourcedefinitions", "localmodel.dev": RESOURCE.partition(".")[0]}
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@dataclass
class Definition:
    """How often it was looked at; its conditions are there from the third look on."""

    looks: int = 0

    def read(self) -> dict[str, Any]:
        """It, as the API server had it at this look: in JSON, a list without a value is null."""
        self.looks += 1
        conditions = [{"type": name, "status": "True"} for name in ("NamesAccepted", "Established")]
        return {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": RESOURCE, "resourceVersion": str(self.looks)},
            "status": {"conditions": conditions if self.looks > 2 else None, "storedVersions": None},
        }


@contextlib.contextmanager
def api_server(definition: Definition) -> Iterator[str]:
    """The address of the part of an API server that kubectl asks while it waits."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(_answer(self.path, definition)).encode() + b"\n")

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _answer(address: str, definition: Definition) -> dict[str, Any]:
    path, _, query = address.partition("?")
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/api/v1":
        return {"kind": "APIResourceList", "groupVersion": "v1", "resources": []}
    if path == "/apis":
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name) for name in GROUPS]}
    if path.endswith("/localmodeldeployments"):
        return {"kind": "LocalModelDeploymentList", "apiVersion": "localmodel.dev/v1alpha1", "items": []}
    if not path.startswith(DEFINITIONS):
        _, _, group, version = path.split("/")
        plural = GROUPS[group]
        is_definition = plural == "customresourcedefinitions"
        kind = {"name": plural, "kind": plural, "namespaced": not is_definition, "verbs": ["get", "list", "watch"]}
        kind |= {"shortNames": ["crd"]} if is_definition else {}
        return {"kind": "APIResourceList", "groupVersion": f"{group}/{version}", "resources": [kind]}
    if "watch=true" in query:
        return {"type": "MODIFIED", "object": definition.read()}
    if path != DEFINITIONS:
        return definition.read()
    return {
        "kind": "CustomResourceDefinitionList",
        "apiVersion": "apiextensions.k8s.io/v1",
        "metadata": {"resourceVersion": "1"},
        "items": [definition.read()],
    }


def _group(name: str) -> dict[str, Any]:
    version = "v1" if name == "apiextensions.k8s.io" else "v1alpha1"
    served = {"groupVersion": f"{name}/{version}", "version": version}
    return {"name": name, "versions": [served], "preferredVersion": served}


def test_kubectl_waits_for_conditions_that_are_not_there_yet(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    definition = Definition()
    with api_server(definition) as address:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "new", "cluster": {"server": address}}],
            "contexts": [{"name": "new", "context": {"cluster": "new", "user": ""}}],
        }
        (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        monkeypatch.setenv("PATH", str(Path(cluster.program).parent), prepend=":")
        resource.wait_until_served(Kubectl("new", None))
    assert definition.looks > 2
