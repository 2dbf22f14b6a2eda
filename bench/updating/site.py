"""The kind cluster, and a namespace of its own for one run."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "manifests" / "samples" / "sklearn-mnist"


class Site:
    """A cluster and namespace. `nodes` are names of nodes, and of their containers."""

    def __init__(self, context: str) -> None:
        self.context = context
        self.cluster = context.removeprefix("kind-")
        self.namespace = f"bench-update-{os.getpid()}"
        self.nodes = run("kind", "get", "nodes", "--name", self.cluster).split()

    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        """Run kubectl in the namespace, with `text` on its standard input."""
        return run(*self.command(*arguments), text=text)

    def command(self, *arguments: str) -> list[str]:
        return ["kubectl", "--context", self.context, "-n", self.namespace, *arguments]

    def get(self, *arguments: str) -> Any:
        """The objects that `kubectl get` returns."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    @contextmanager
    def api(self) -> Iterator[httpx.Client]:
        """A client of the API server through `kubectl proxy`, because a request is faster than a new program."""
        command = self.command("proxy", "--port=0", "--address=127.0.0.1")
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as proxy:
            try:
                assert proxy.stdout
                port = re.search(r":(\d+)$", proxy.stdout.readline().strip())
                assert port, "kubectl proxy did not say where it listens"
                with httpx.Client(base_url=f"http://127.0.0.1:{port[1]}", trust_env=False, timeout=10) as client:
                    yield client
            finally:
                proxy.terminate()

    def node_port(self, port: int) -> int:
        """The node port that kind maps to a port of localhost."""
        for node in self.nodes:
            mapped = json.loads(run("docker", "inspect", node, "--format", "{{json .NetworkSettings.Ports}}"))
            for name, bindings in mapped.items():
                if any(binding["HostPort"] == str(port) for binding in bindings or []):
                    return int(name.partition("/")[0])
        raise SystemExit(f"cluster {self.cluster} maps no node port to {port}; choose others with --port")


def run(*command: str, text: str | None = None, data: bytes | None = None) -> str:
    """Run a command; return its output. If it fails, the program ends with its error."""
    given = data if data is not None else (text or "").encode()
    done = subprocess.run(command, input=given, capture_output=True, check=False)
    if done.returncode != 0:
        message = (done.stderr.strip() or done.stdout.strip()).decode(errors="replace")
        raise SystemExit(f"{' '.join(command[:8])} … failed: {message}")
    return done.stdout.decode(errors="replace")
