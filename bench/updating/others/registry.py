"""The usual way with a local registry, set up as in kind's documentation, from which nodes pull missing layers."""

import json
import os
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from updating.others.context import Context
from updating.others.naive import Naive
from updating.project import PYTHON, Wanted
from updating.site import Site, run

_MODULE = "github.com/distribution/distribution/v3/cmd/registry@v3.0.0"
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "localmodel-tests" / "bin"
_PORT = 5000
_CONFIG = """
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: /tmp/registry}, delete: {enabled: true}}
http: {addr: ":5000", secret: bench}
"""
_ACCEPT = ", ".join(
    f"application/vnd.{kind}+json" for kind in ("docker.distribution.manifest.v2", "oci.image.manifest.v1")
)
_NODE_SETTING = """
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "/etc/containerd/certs.d"
"""


class LocalRegistry:
    """CNCF distribution in a container on the nodes' network, and at a port of 127.0.0.1."""

    def __init__(self, site: Site, folder: Path) -> None:
        self._name = f"localmodel-bench-registry-{os.getpid()}"
        self._site = site
        folder.mkdir()
        (folder / "config.yml").write_text(_CONFIG)
        shutil.copy(_program(), folder / "registry")
        run(
            *("docker", "run", "--detach", "--rm", "--name", self._name, "--network", _network(site)),
            *(
                "--publish",
                f"127.0.0.1::{_PORT}",
                "--volume",
                f"{folder}:/bench:ro",
                "--env",
                "OTEL_TRACES_EXPORTER=none",
            ),
            *("--entrypoint", "/bench/registry", f"python:{PYTHON}-slim", "serve", "/bench/config.yml"),
        )
        published = run("docker", "port", self._name, str(_PORT)).split()[0]
        self.host = f"localhost:{published.rpartition(':')[2]}"
        self._wait()
        for node in site.nodes:
            self._set_up(node)

    def manifest(self, repository: str, tag: str) -> Any:
        answer = httpx.get(
            f"http://{self.host}/v2/{repository}/manifests/{tag}", headers={"Accept": _ACCEPT}, trust_env=False
        )
        return answer.raise_for_status().json()

    def remove(self) -> None:
        run("docker", "rm", "--force", self._name)
        for node in self._site.nodes:
            run("docker", "exec", node, "rm", "-rf", f"/etc/containerd/certs.d/{self.host}")

    def _wait(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with suppress(httpx.HTTPError):
                httpx.get(f"http://{self.host}/v2/", trust_env=False).raise_for_status()
                return
            time.sleep(0.1)
        raise SystemExit(f"the registry does not answer at {self.host}")

    def _set_up(self, node: str) -> None:
        """Have the node use the registry's container for localhost:PORT."""
        folder = f"/etc/containerd/certs.d/{self.host}"
        hosts = f'[host."http://{self._name}:{_PORT}"]\n'
        run("docker", "exec", node, "mkdir", "-p", folder)
        run("docker", "exec", "-i", node, "cp", "/dev/stdin", f"{folder}/hosts.toml", text=hosts)
        if "certs.d" not in run("docker", "exec", node, "containerd", "config", "dump"):
            run("docker", "exec", "-i", node, "sh", "-c", "cat >>/etc/containerd/config.toml", text=_NODE_SETTING)
            run("docker", "exec", node, "systemctl", "restart", "containerd")


class Registry(Naive):
    """Implements `Loop`."""

    name = "registry"

    def __init__(self, site: Site, context: Context, ours: str, port: int, registry: LocalRegistry) -> None:
        super().__init__(site, context, ours, port)
        self._registry = registry
        self._pulled: set[str] = set()
        self._size = 0

    def update(self, before: Wanted, wanted: Wanted) -> None:
        self._size = 0
        super().update(before, wanted)

    def sent(self) -> int:
        """The bytes that a node pulls: new blobs, and the manifest."""
        return self._size if self._last else 0

    def _build_and_load(self) -> str:
        tag = f"{self._site.namespace}-{len(self._built)}"
        image = f"{self._registry.host}/bench/update:{tag}"
        self._context.build(image)
        self._built.append(image)
        run("docker", "push", "--quiet", image)
        manifest = self._registry.manifest("bench/update", tag)
        blobs = {blob["digest"]: blob["size"] for blob in (manifest["config"], *manifest["layers"])}
        self._size = len(json.dumps(manifest)) + sum(blobs[digest] for digest in blobs.keys() - self._pulled)
        self._pulled |= blobs.keys()
        return image


def _network(site: Site) -> str:
    networks = json.loads(run("docker", "inspect", site.nodes[0], "--format", "{{json .NetworkSettings.Networks}}"))
    return str(next(iter(networks)))


def _program() -> Path:
    """The registry's program, which Go compiles the first time (minutes)."""
    if not (_CACHE / "registry").exists():
        if shutil.which("go") is None:
            raise SystemExit(f"there is no Go to compile {_MODULE}; leave the way out with --ways")
        environment = {**os.environ, "GOBIN": str(_CACHE), "CGO_ENABLED": "0"}
        subprocess.run(["go", "install", _MODULE], env=environment, check=True)
    return _CACHE / "registry"
