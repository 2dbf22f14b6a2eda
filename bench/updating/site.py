"""The kind cluster, and a namespace in it that one run has for itself."""

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
    """`nodes` are those of the cluster, which are also the names of their containers."""

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
        """What `kubectl get` finds."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    @contextmanager
    def api(self) -> Iterator[httpx.Client]:
        """The API server by way of `kubectl proxy`: a question takes milliseconds, and not a new program."""
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
    """Run a command; returns what it printed. If it fails, its words end the program."""
    given = data if data is not None else (text or "").encode()
    done = subprocess.run(command, input=given, capture_output=True, check=False)
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).decode(errors="replace")
        raise SystemExit(f"{' '.join(command[:8])} … failed: {said}")
    return done.stdout.decode(errors="replace")
