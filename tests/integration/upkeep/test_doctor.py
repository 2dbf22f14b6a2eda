"""lmd doctor: what it says of machines in different states."""

import hashlib
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from pytest import MonkeyPatch
from support.lmd_command import Lmd, free_port

from localmodel.doctor import cluster, machine
from localmodel.targets import ports

VERSION = {"Version": "29.0.1", "Components": [{"Name": "Engine"}]}
INFO = {"Driver": "overlayfs", "DockerRootDir": "/"}
NODE = {
    "Labels": {"io.x-k8s.kind.cluster": "digits"},
    "Ports": [
        {"PrivatePort": 30001, "PublicPort": 6789, "Type": "tcp"},
        {"PrivatePort": 30002, "PublicPort": 6790, "Type": "tcp"},
        {"PrivatePort": 6443, "PublicPort": 44321, "Type": "tcp"},
        {"PrivatePort": 30003, "Type": "tcp"},
    ],
}
BARE = {"Labels": {"io.x-k8s.kind.cluster": "bare"}, "Ports": [{"PrivatePort": 6443, "PublicPort": 40000}]}
OTHER = {"Labels": {"mine": "1"}, "Ports": [{"PrivatePort": 30001, "PublicPort": 6799}]}


@contextmanager
def engine(folder: Path, answers: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Something that answers as an engine's socket does; the variables that lead to it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = json.dumps(answers[self.path]).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def address_string(self) -> str:
            return "local"

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 (its name there)
            pass

    path = folder / "engine.sock"
    with socketserver.ThreadingUnixStreamServer(str(path), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
        try:
            yield {"DOCKER_HOST": f"unix://{path}"}
        finally:
            server.shutdown()


def ask(lmd: Lmd, **variables: str) -> dict[str, dict[str, str]]:
    """The findings, by what they are about."""
    result = lmd("doctor", "-o", "json", env=variables)
    findings = {finding["what"]: finding for finding in json.loads(result.out)}
    assert result.code == any(finding["level"] == "fail" for finding in findings.values()), result.err
    assert all(finding["fix"] for finding in findings.values() if finding["level"] != "ok")
    return findings


def test_everything_is_looked_at_and_nothing_is_changed(lmd: Lmd) -> None:
    before = sorted(lmd.home.rglob("*"))
    findings = ask(lmd)
    assert findings.keys() >= {"platform", "uv", "folder", "store", "certificates", "package sources", "proxy"}
    assert findings.keys() >= {"ports 6789 to 6798", "container engine", "kubectl", "kind", "cluster"}
    assert sorted(lmd.home.rglob("*")) == before
    lines = [line.split()[0] for line in lmd("doctor").out.splitlines() if not line.startswith(" ")]
    assert lines == [finding["level"] for finding in findings.values()]


def test_it_fails_on_what_nothing_works_without(lmd: Lmd) -> None:
    blocked = lmd.folder / "file"
    blocked.write_text("no certificate")
    findings = ask(lmd, LOCALMODEL_HOME=str(blocked / "home"), SSL_CERT_FILE="/nosuch.pem", PIP_CERT=str(blocked))
    assert {what for what, finding in findings.items() if finding["level"] == "fail"} >= {"folder", "certificates"}
    found = findings["certificates"]["found"]
    assert "SSL_CERT_FILE=/nosuch.pem: no such file" in found and "no certificates in it" in found


def test_who_holds_a_port(monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda port: port > 6790)
    monkeypatch.setattr(ports, "holder", lambda port: "the kind cluster 'digits'")
    (finding,) = machine._ports()
    assert finding.found == "6789, 6790 held by the kind cluster 'digits'"


def test_docker_its_storage_and_the_clusters_in_it(lmd: Lmd) -> None:
    answers = {"/version": VERSION, "/info": INFO, "/containers/json": [NODE, BARE, OTHER]}
    with engine(lmd.folder, answers) as variables:
        findings = ask(lmd, **variables)
    assert findings["container engine"]["found"].startswith("Docker 29.0.1 at ")
    assert "driver overlayfs, " in findings["engine's storage"]["found"]
    assert findings["kind cluster digits"]["found"] == "deployments can have the ports 6789, 6790"
    assert findings["kind cluster bare"]["level"] == "warn"
    assert "lmd kind down bare, lmd kind up bare" in findings["kind cluster bare"]["fix"]


def test_an_engine_that_is_another_one_or_wasteful(lmd: Lmd) -> None:
    version = {"Version": "5.4", "Components": [{"Name": "Podman Engine"}]}
    info = {"Driver": "vfs", "DockerRootDir": "/nowhere"}
    with engine(lmd.folder, {"/version": version, "/info": info, "/containers/json": []}) as variables:
        findings = ask(lmd, **variables)
    assert findings["container engine"]["level"] == "warn" and "Podman 5.4" in findings["container engine"]["found"]
    assert (
        findings["engine's storage"]["level"] == "warn" and "copies every layer" in findings["engine's storage"]["fix"]
    )


def test_a_socket_that_is_missing_or_silent(lmd: Lmd) -> None:
    missing = ask(lmd, DOCKER_HOST="unix:///nowhere/docker.sock")["container engine"]
    assert missing["level"] == "warn" and "No such file" in missing["found"] and "install and start" in missing["fix"]
    assert "not checked" in ask(lmd, DOCKER_HOST="tcp://10.1.2.3:2375")["container engine"]["found"]
    with engine(lmd.folder, {"/version": "?", "/info": [], "/containers/json": None}) as variables:
        assert "does not answer as Docker does" in ask(lmd, **variables)["container engine"]["found"]


# Nodes in what tells them apart, as their users have written it down: none of these but kind can run here.
NODES = {
    "kind": {"metadata": {"name": "two-worker"}, "spec": {"providerID": "kind://docker/two/two-worker"}},
    "Docker Desktop's kind": {
        "metadata": {"name": "desktop-control-plane"},
        "spec": {"providerID": "kind://docker/desktop/desktop-control-plane"},
    },
    "Docker Desktop's kubeadm": {
        "metadata": {"name": "docker-desktop", "labels": {"kubernetes.io/hostname": "docker-desktop"}},
        "spec": {},
    },
    "k3d": {"metadata": {"name": "k3d-team-server-0"}, "spec": {"providerID": "k3s://k3d-team-server-0"}},
    "k3s": {"metadata": {"name": "lima-rancher-desktop"}, "spec": {"providerID": "k3s://lima-rancher-desktop"}},
    "minikube": {"metadata": {"name": "minikube", "labels": {"minikube.k8s.io/name": "minikube"}}, "spec": {}},
    "another cluster": {"metadata": {"name": "gke-1"}, "spec": {"providerID": "gce://project/zone/gke-1"}},
}
TOLD = [
    ("kind", "", "", "ok", "into the nodes of cluster two", "", "Auto: a port that the cluster maps; no IngressClass"),
    ("Docker Desktop's kind", "", "", "ok", "into the nodes of cluster desktop", "Show system containers", "a port"),
    ("Docker Desktop's kubeadm", "", "", "warn", "describes none", "choose kind", "lmd forward NAME"),
    ("k3d", "", "traefik", "warn", "describes none", "k3d cluster create", "lmd forward NAME); Ingress: traefik"),
    ("k3d", "local-registry-hosting", "traefik", "ok", "that the cluster describes", "", "Ingress: traefik"),
    ("k3s", "", "traefik nginx", "warn", "describes none", "registries.yaml", "Ingress: traefik, nginx"),
    ("minikube", "", "", "warn", "describes none", "--registry http://localhost:5000", "no IngressClass"),
    ("another cluster", "", "", "warn", "describes none", "--registry HOST", "lmd forward NAME"),
]


@pytest.mark.parametrize(("name", "hosting", "classes", "level", "images", "fix", "addresses"), TOLD)
def test_whose_cluster_it_is_and_what_that_means(
    name: str, hosting: str, classes: str, level: str, images: str, fix: str, addresses: str, monkeypatch: MonkeyPatch
) -> None:
    answers = {"nodes": json.dumps(NODES[name]), "configmap": hosting, "ingressclasses": classes}
    monkeypatch.setattr(cluster, "first_line", lambda command: answers[command[2]])
    told, addressed = cluster._whose()
    assert told.level == level and told.found.startswith(f"{name}: ") and images in told.found
    assert fix in told.fix and bool(fix) == bool(told.fix)
    assert addresses in addressed.found


def test_a_context_of_docker_leads_to_its_socket(lmd: Lmd) -> None:
    configuration = lmd.folder / "docker"
    key = hashlib.sha256(b"rootless").hexdigest()
    meta = configuration / "contexts" / "meta" / key / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"Endpoints": {"docker": {"Host": "unix:///nowhere/rootless.sock"}}}))
    (configuration / "config.json").write_text('{"currentContext": "rootless"}')
    found = ask(lmd, DOCKER_HOST="", DOCKER_CONFIG=str(configuration))["container engine"]["found"]
    assert found.startswith("/nowhere/rootless.sock")


def test_sources_of_packages(lmd: Lmd) -> None:
    file = lmd.home / "packages.toml"
    nobody = f"http://127.0.0.1:{free_port()}"
    file.write_text(f'index-url = "{nobody}/simple"\n')
    silent = ask(lmd)["package sources"]
    assert silent["level"] == "warn" and f"no answer from {nobody}/simple" in silent["found"]
    file.write_text("no-index = 3\n")
    wrong = ask(lmd)["package sources"]
    assert wrong["level"] == "fail" and "no-index" in wrong["found"] and str(file) in wrong["fix"]
    (lmd.home / "ca.pem").write_text("nothing")
    file.write_text(f'ca-bundle = "ca.pem"\nproxy = "http://me:secret@{nobody.partition("//")[2]}"\n')
    findings = ask(lmd)
    assert findings["certificates of package sources"]["level"] == "fail"
    assert findings["proxy"]["level"] == "warn" and "secret" not in findings["proxy"]["found"]


def test_a_proxy_of_the_shell(lmd: Lmd) -> None:
    shell = {"HTTPS_PROXY": "", "https_proxy": "", "HTTP_PROXY": "", "http_proxy": ""}
    assert ask(lmd, **shell)["proxy"]["found"] == "none"
    found = ask(lmd, **{**shell, "HTTPS_PROXY": f"127.0.0.1:{free_port()}"})["proxy"]
    assert found["level"] == "warn" and "refused" in found["found"]


def test_a_store_with_something_missing(lmd: Lmd) -> None:
    assert "not there yet" in ask(lmd)["store"]["found"]
    for name, found in (("digits", "1 model and 0 environments"), ("irises", "2 models and 0 environments")):
        (lmd.folder / name).write_text(name)
        assert lmd("model", "register", name, "--name", name).code == 0
        assert ask(lmd)["store"]["found"].startswith(found)
    largest = max((lmd.home / "store" / "blobs" / "sha256").iterdir(), key=lambda path: path.stat().st_size)
    largest.unlink()
    missing = ask(lmd)["store"]
    assert missing["level"] == "fail" and ":1 is missing" in missing["found"]
    (lmd.home / "store" / "models" / "digits" / "1.json").write_text("{")
    damaged = ask(lmd)["store"]
    assert damaged["level"] == "fail" and "digits/1.json" in damaged["found"]
