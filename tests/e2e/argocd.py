"""Argo CD beside the cluster, as the operator is: its controller, its two servers and Redis, as processes."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from gitops_site import Site, processes, write_kubeconfig
from kube import ROOT, Cluster, Object, Refused, eventually
from support.git_server import GitServer
from support.lmd_command import free_port

from localmodel import gitops

NAMESPACE = "argocd"
_APPLICATIONS = f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/applications"
_SETTINGS = {"app.kubernetes.io/part-of": "argocd"}
# What `kubectl apply -k` of Argo CD's own manifests brings of what its controller reads.
_GIVEN: tuple[Object, ...] = (
    *(
        {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "labels": _SETTINGS}}
        for kind, name in (
            ("ConfigMap", "argocd-cm"),
            ("ConfigMap", "argocd-gpg-keys-cm"),
            ("ConfigMap", "argocd-tls-certs-cm"),
            ("ConfigMap", "argocd-ssh-known-hosts-cm"),
        )
    ),
    {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "argocd-secret", "labels": _SETTINGS},
        # Without one, the controller does not follow what is edited in its settings.
        "stringData": {"server.secretkey": "of-this-test"},
    },
    {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "default"},
        "spec": {
            "sourceRepos": ["*"],
            "destinations": [{"namespace": "*", "server": "*"}],
            "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
        },
    },
)


@dataclass(frozen=True, kw_only=True)
class ArgoCd(Site):
    """Argo CD, with the Application that `lmd export argocd digits` prints, and its command line."""

    command: tuple[str | Path, ...]
    environment: Mapping[str, str]

    def differences(self) -> str:
        """What `argocd app diff` prints: nothing where the cluster has what is in Git."""
        command = [*self.command, "app", "diff", self.name, "--refresh", "--exit-code=false"]
        ended = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def status(self) -> Object:
        status: Object = self.cluster.read(f"{_APPLICATIONS}/{self.name}").get("status", {})
        return status

    def follow(self, commit: str) -> Object:
        """The Application's status, once it is Synced to this commit and no longer Progressing.

        Argo CD is told of the commit, as by a webhook: what it does at once then, it does after some minutes else.
        """
        self.refresh()

        def ended() -> Object | None:
            status = self.status()
            sync, health = status.get("sync", {}), status.get("health", {}).get("status")
            is_done = (sync.get("revision"), sync.get("status")) == (commit, "Synced")
            return status if is_done and health not in (None, "Missing", "Progressing") else None

        return eventually(ended, f"Argo CD ends with {commit}", 90)

    def refresh(self) -> None:
        """Have Git and cluster compared now; returns when they were."""
        annotation = "argocd.argoproj.io/refresh"
        self.cluster.kubectl("-n", NAMESPACE, "annotate", "--overwrite", "application", self.name, f"{annotation}=hard")

        def compared() -> bool:
            metadata = self.cluster.read(f"{_APPLICATIONS}/{self.name}")["metadata"]
            return annotation not in metadata.get("annotations", {})

        eventually(compared, "Argo CD compares", 60)

    def retry_with_what_is_new(self) -> None:
        """Have a failed sync tried again with the commit that there is then."""
        patch = '{"spec": {"syncPolicy": {"retry": {"limit": 5, "refresh": true}}}}'
        self.cluster.kubectl("-n", NAMESPACE, "patch", "application", self.name, "--type=merge", "--patch", patch)

    def resource(self, name: str) -> Object:
        """What Argo CD says of a LocalModelDeployment: its `status` in Git's terms, and its `health`."""
        listed: list[Object] = self.status()["resources"]
        return next(one for one in listed if (one["kind"], one["name"]) == ("LocalModelDeployment", name))


def health(status: Object) -> str:
    word: str = status["health"]["status"]
    return word


@contextlib.contextmanager
def running(cluster: Cluster, git: GitServer, into: str, folder: Path) -> Iterator[ArgoCd]:
    """Argo CD, applying the repository's folder `digits` to the namespace `into`; in the end all of it is deleted."""
    built = subprocess.run([ROOT / "hack" / "argocd-build"], stdout=subprocess.PIPE, text=True, check=True)
    programs = Path(built.stdout.strip())
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(programs / "crds"))
    eventually(lambda: _knows_its_kinds(cluster), "the cluster knows Argo CD's kinds", 60)
    _forget(cluster)
    try:
        cluster.kubectl("create", "namespace", NAMESPACE)
        _apply(cluster, "kubectl", *_GIVEN)
        place = gitops.Place("digits", into, git.url, "main", "digits")
        environment = _environment(cluster, folder)
        with _processes(programs, environment, folder) as api:
            _apply(cluster, "localmodel", *gitops.argocd(place))
            command = (programs / "argocd", "--server", api, "--plaintext")
            yield ArgoCd(cluster, git, command=command, environment=environment)
    finally:
        _forget(cluster)


def _knows_its_kinds(cluster: Cluster) -> bool:
    try:
        listed = cluster.read("/apis/argoproj.io/v1alpha1")["resources"]
    except Refused:
        return False
    return {"applications", "appprojects"} <= {one["name"] for one in listed}


def _forget(cluster: Cluster) -> None:
    with contextlib.suppress(Refused):  # without finalizers, which nobody would take out any more
        patch = ("--type=merge", "--patch", '{"metadata": {"finalizers": null}}')
        cluster.kubectl("-n", NAMESPACE, "patch", "application", "digits", *patch)
    cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")


def _apply(cluster: Cluster, manager: str, *objects: Mapping[str, Any]) -> None:
    command = ("-n", NAMESPACE, "apply", "--server-side", f"--field-manager={manager}", "-f", "-")
    cluster.kubectl(*command, given=yaml.safe_dump_all(objects))


def _environment(cluster: Cluster, folder: Path) -> Mapping[str, str]:
    """What the programs are told, and the files that it names."""
    for part in (folder / ".kube", folder / "bin", folder / "conf" / "tls", folder / "conf" / "ssh"):
        part.mkdir(parents=True)
    kubeconfig = folder / ".kube" / "config"
    write_kubeconfig(cluster, kubeconfig)
    _write_kustomize(folder / "bin" / "kustomize", cluster)
    return {
        **os.environ,
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "KUBECONFIG": str(kubeconfig),
        "ARGOCD_FAKE_IN_CLUSTER": "true",  # kubernetes.default.svc is the cluster of the kubeconfig
        "ARGOCD_TLS_DATA_PATH": str(folder / "conf" / "tls"),
        "ARGOCD_SSH_DATA_PATH": str(folder / "conf" / "ssh"),
        "ARGOCD_GPG_ENABLED": "false",
        "ARGOCD_ASK_PASS_SOCK": str(folder / "ask-pass.sock"),
        "ARGOCD_PLUGINSOCKFILEPATH": str(folder / "conf"),
    }


@contextlib.contextmanager
def _processes(programs: Path, environment: Mapping[str, str], folder: Path) -> Iterator[str]:
    """The programs; yields the address of the API server."""
    redis, repositories, api, *metrics = (free_port() for _ in range(6))
    with_redis = ("--redis", f"127.0.0.1:{redis}", "--loglevel", "info", "--logformat", "text")
    commands: dict[str, list[str | Path]] = {
        "redis": ["redis-server", "--bind", "127.0.0.1", "--port", f"{redis}", "--save", "", "--dir", folder],
        "repo-server": [
            *(programs / "argocd-repo-server", "--disable-tls", "--address", "127.0.0.1", "--port", f"{repositories}"),
            *("--metrics-address", "127.0.0.1", "--metrics-port", f"{metrics[0]}", *with_redis),
        ],
        "server": [
            *(programs / "argocd-server", "--namespace", NAMESPACE, "--insecure", "--disable-auth"),
            *("--address", "127.0.0.1", "--port", f"{api}", "--metrics-port", f"{metrics[1]}"),
            *("--repo-server", f"127.0.0.1:{repositories}", "--repo-server-plaintext", *with_redis),
        ],
        "controller": [
            *(programs / "argocd-application-controller", "--namespace", NAMESPACE, "--repo-server-plaintext"),
            *("--repo-server", f"127.0.0.1:{repositories}", "--metrics-port", f"{metrics[2]}"),
            *("--persist-resource-health", *with_redis),  # so that the test sees what its user interface shows
        ],
    }
    with processes(commands, environment, folder):
        yield f"127.0.0.1:{api}"


def _write_kustomize(path: Path, cluster: Cluster) -> None:
    """The kustomize that Argo CD calls: kubectl has the same in it."""
    path.write_text(f'#!/bin/sh\nshift\nexec "{cluster.program}" kustomize "$@"\n')
    path.chmod(0o755)
