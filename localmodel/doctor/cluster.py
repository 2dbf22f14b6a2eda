"""Checks the tools for clusters, and kubectl's current cluster."""

import json
import shutil
import subprocess

from localmodel.cluster_records.names import RESOURCE
from localmodel.cluster_records.providers import Provider, provider
from localmodel.doctor.finding import Finding, first_line

_NEEDED = "needed for --target kind only"


def _kubectl() -> list[Finding]:
    return [_tool("kubectl", ["kubectl", "version", "--client"])]


def _kind() -> list[Finding]:
    return [_tool("kind", ["kind", "version"])]


def _tool(name: str, command: list[str]) -> Finding:
    if shutil.which(name) is None:
        return Finding("warn", name, "not installed", f"{_NEEDED}: install {name}")
    try:
        return Finding("ok", name, first_line(command))
    except (OSError, subprocess.SubprocessError) as error:
        return Finding("warn", name, f"does not run: {error}", f"install {name} again")


def _cluster() -> list[Finding]:
    what = "cluster"
    if shutil.which("kubectl") is None:
        return [Finding("warn", what, "not checked: kubectl is missing", f"{_NEEDED}: install kubectl")]
    try:
        context = _context()
        first_line(["kubectl", "get", "crd", RESOURCE, "--request-timeout=3s", "-o", "name"])
    except subprocess.CalledProcessError as error:
        message = (error.stderr.strip().splitlines() or ["no answer"])[-1]
        if "NotFound" in message:
            return [Finding("warn", what, f"reachable, without {RESOURCE}", "lmd operator up installs it")]
        return [Finding("warn", what, message, f"{_NEEDED}: lmd kind up")]
    except (OSError, subprocess.SubprocessError) as error:
        return [Finding("warn", what, str(error), _NEEDED)]
    return [Finding("ok", what, f"{context} is reachable, with {RESOURCE}")]


def _whose() -> list[Finding]:
    """What the cluster is, how images come to its nodes, and what addresses it gives."""
    try:
        node = json.loads(_get("nodes", "{.items[0]}"))
        has_registry = bool(_get("configmap", "{.metadata.name}", "-n", "kube-public", "local-registry-hosting"))
        classes = _get("ingressclasses", "{.items[*].metadata.name}")
    except (OSError, subprocess.SubprocessError, ValueError):
        return []  # another finding says that there is no cluster
    whose = provider(node)
    return [_images(whose, has_registry), _addresses(whose, classes)]


def _images(whose: Provider, has_registry: bool) -> Finding:
    what = "cluster's images"
    if has_registry:
        return Finding("ok", what, f"{whose.name}: through the registry that the cluster describes (KEP-1755)")
    if whose.kind_cluster:
        shown = "docker ps has to show its nodes (Settings, Kubernetes, Show system containers)"
        fix = shown if "Docker Desktop" in whose.name else ""
        return Finding("ok", what, f"{whose.name}: into the nodes of cluster {whose.kind_cluster}", fix)
    return Finding("warn", what, f"{whose.name}: through a registry, and the cluster describes none", whose.registry)


def _addresses(whose: Provider, classes: str) -> Finding:
    auto = "a port that the cluster maps" if whose.kind_cluster else "none outside the cluster (lmd forward NAME)"
    ingress = f"Ingress: {', '.join(classes.split())}" if classes else "no IngressClass"
    return Finding("ok", "cluster's addresses", f"Auto: {auto}; {ingress}")


def _get(kind: str, what: str, *where: str) -> str:
    options = ["--request-timeout=3s", "--ignore-not-found", "-o", f"jsonpath={what}"]
    return first_line(["kubectl", "get", kind, *where, *options])


def _context() -> str:
    try:
        return first_line(["kubectl", "config", "current-context"])
    except (OSError, subprocess.SubprocessError):
        return "the cluster"


LOOKS = (_kubectl, _kind, _cluster, _whose)
