"""metrics-server beside the cluster, as the operator is: a process, to which a Service leads."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import yaml
from gitops_site import processes, write_kubeconfig
from kube import ROOT, Cluster, Refused, eventually
from registry_nodes import gateway
from support.lmd_command import free_port

_NAME, _NAMESPACE, _GROUP, _VERSION = "localmodel-e2e-metrics", "kube-system", "metrics.k8s.io", "v1beta1"
_API_SERVICE = f"{_VERSION}.{_GROUP}"


@contextlib.contextmanager
def running(cluster: Cluster, folder: Path) -> Iterator[None]:
    """The cluster with `cpu` and memory of its pods; they have been measured once when the block begins."""
    built = subprocess.run([ROOT / "hack" / "metrics-server-build"], stdout=subprocess.PIPE, text=True, check=True)
    port, kubeconfig = free_port(), folder / "kubeconfig"
    folder.mkdir()
    write_kubeconfig(cluster, kubeconfig)
    access = [f"--{kind}kubeconfig={kubeconfig}" for kind in ("", "authentication-", "authorization-")]
    kubelets = [
        "--kubelet-insecure-tls",
        "--kubelet-preferred-address-types=InternalIP",
        "--kubelet-request-timeout=9s",
    ]
    address = [f"--secure-port={port}", f"--cert-dir={folder}", "--metric-resolution=10s"]
    command = [built.stdout.strip(), *access, *kubelets, *address]
    objects = yaml.safe_dump_all(_way(gateway(), port))
    with processes({"metrics-server": command}, os.environ, folder):
        cluster.kubectl("apply", "--server-side", "-f", "-", given=objects)
        try:
            _wait(cluster, folder / "metrics-server.log")
            yield
        finally:
            # An API that nobody serves would hold up the end of every namespace.
            cluster.kubectl("delete", "-f", "-", "--ignore-not-found", given=objects)


def _wait(cluster: Cluster, log: Path) -> None:
    try:
        eventually(lambda: _is_measured(cluster), "pods are measured", 120)
    except AssertionError as error:
        error.add_note(cluster.kubectl("get", "apiservice", _API_SERVICE, "-o", "jsonpath={.status.conditions}"))
        error.add_note(log.read_text())
        raise


def _is_measured(cluster: Cluster) -> bool:
    try:
        return bool(cluster.read(f"/apis/{_GROUP}/{_VERSION}/namespaces/{_NAMESPACE}/pods")["items"])
    except Refused:
        return False


def _way(address: str, port: int) -> Iterator[dict[str, object]]:
    metadata = {"name": _NAME, "namespace": _NAMESPACE}
    # An address of the cluster would lead out of it until every node knows it, perhaps to somebody who answers: the API
    # server would keep that connection.
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"type": "ExternalName", "externalName": address},
    }
    yield {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": _API_SERVICE},
        "spec": {
            "group": _GROUP,
            "version": _VERSION,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "insecureSkipTLSVerify": True,
            "service": {**metadata, "port": port},
        },
    }
