"""Flux beside the cluster, as the operator is: its two controllers that apply what is in Git, as processes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from gitops_site import Site, processes, write_kubeconfig
from kube import ROOT, Cluster, Object, eventually
from support.git_server import GitServer
from support.lmd_command import free_port

NAMESPACE = "flux-system"
MANIFEST = ROOT / "manifests" / "gitops" / "flux" / "digits.yaml"
_API = {
    "gitrepository": f"/apis/source.toolkit.fluxcd.io/v1/namespaces/{NAMESPACE}/gitrepositories",
    "kustomization": f"/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/{NAMESPACE}/kustomizations",
}


@dataclass(frozen=True)
class Flux(Site):
    """Flux, with the GitRepository and the Kustomization of manifests/gitops/flux applied."""

    def get(self, kind: str) -> Object:
        """The `gitrepository` or the `kustomization`. Raises Refused."""
        read: Object = self.cluster.read(f"{_API[kind]}/{self.name}")
        return read

    def follow(self, commit: str) -> Object:
        """What the Kustomization says in the end of this commit, as its condition Ready.

        Flux is told of the commit, as by a webhook: what it does at once then, it does after its interval else.
        """
        self._ask("gitrepository")

        def ended() -> Object | None:
            status = self.get("kustomization").get("status", {})
            ready = _ready(status)
            return ready if status.get("lastAttemptedRevision") == f"main@sha1:{commit}" else None

        return eventually(ended, f"Flux ends with {commit}", 90)

    def sync(self) -> Object:
        """Have the same commit applied again, as after each interval; the condition Ready."""
        token = self._ask("kustomization")

        def ended() -> Object | None:
            status = self.get("kustomization")["status"]
            return _ready(status) if status.get("lastHandledReconcileAt") == token else None

        return eventually(ended, "Flux has synced", 60)

    def _ask(self, kind: str) -> str:
        token = str(time.time_ns())
        annotation = f"reconcile.fluxcd.io/requestedAt={token}"
        self.cluster.kubectl("-n", NAMESPACE, "annotate", "--overwrite", kind, self.name, annotation)
        return token


def _ready(status: Object) -> Object | None:
    """The condition Ready, once it is known."""
    conditions: list[Object] = status.get("conditions", [])
    return next((one for one in conditions if one["type"] == "Ready" and one["status"] != "Unknown"), None)


@contextlib.contextmanager
def running(cluster: Cluster, git: GitServer, into: str, folder: Path) -> Iterator[Flux]:
    """Flux, applying the repository's folder `digits` to the namespace `into`; in the end all of it is deleted."""
    built = subprocess.run([ROOT / "hack" / "flux-build"], stdout=subprocess.PIPE, text=True, check=True)
    programs = Path(built.stdout.strip())
    cluster.install(programs / "crds")
    with _controllers(cluster, programs, folder):
        # What an earlier run left can only be deleted while they run.
        cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")
        cluster.kubectl("create", "namespace", NAMESPACE)
        repository, kustomization = yaml.safe_load_all(MANIFEST.read_text())
        repository["spec"]["url"] = git.url
        kustomization["spec"]["targetNamespace"] = into
        cluster.kubectl("apply", "-f", "-", given=yaml.safe_dump_all([repository, kustomization]))
        yield Flux(cluster, git)
        cluster.kubectl("delete", "namespace", NAMESPACE)


@contextlib.contextmanager
def _controllers(cluster: Cluster, programs: Path, folder: Path) -> Iterator[None]:
    folder.mkdir()
    kubeconfig = folder / "kubeconfig"
    write_kubeconfig(cluster, kubeconfig)
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "TMPDIR": str(folder), "RUNTIME_NAMESPACE": NAMESPACE}
    address = f"127.0.0.1:{free_port()}"
    storage = [f"--storage-path={folder}", f"--storage-addr={address}", f"--storage-adv-addr={address}"]
    arguments = {"source-controller": storage, "kustomize-controller": ["--metrics-addr=0", "--health-addr=0"]}
    with processes({name: [programs / name, *options] for name, options in arguments.items()}, environment, folder):
        yield
