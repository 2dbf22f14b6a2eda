"""A kind cluster as its user has it: kubectl for the resources, docker exec for what lies on the nodes.

What tests look at again and again while they wait is read from the API server itself: a kubectl for each look would
take more processor time than what they wait for.
"""

from __future__ import annotations

import functools
import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import urllib3
from kubernetes import client, config

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "manifests" / "samples" / "sklearn-mnist"

Object = dict[str, Any]
T = TypeVar("T")


_API = {
    "lmd": "/apis/localmodel.dev/v1alpha1/namespaces/{}/localmodeldeployments",
    "deployments": "/apis/apps/v1/namespaces/{}/deployments",
    "replicasets": "/apis/apps/v1/namespaces/{}/replicasets",
    "controllerrevisions": "/apis/apps/v1/namespaces/{}/controllerrevisions",
    **{
        kind: f"/api/v1/namespaces/{{}}/{kind}"
        for kind in ("configmaps", "events", "pods", "resourcequotas", "services")
    },
}


class Refused(Exception):
    """kubectl or the API server ended with an error; the text is what it said."""


@dataclass(frozen=True)
class Cluster:
    """The kind cluster `name`; `program` is the kubectl of hack/kind-up."""

    name: str
    program: str

    @property
    def context(self) -> str:
        return f"kind-{self.name}"

    def command(self, *arguments: str) -> list[str]:
        return [self.program, "--context", self.context, *arguments]

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        """What kubectl printed. Raises Refused."""
        ended = subprocess.run(
            self.command(*arguments), input=given, capture_output=True, text=True, timeout=600, check=False
        )
        if ended.returncode != 0:
            raise Refused(ended.stderr.strip())
        return ended.stdout

    def read(self, path: str, **query: str) -> Any:
        """What the API server has at the path. Raises Refused."""
        api = self._api
        request = api.param_serialize(
            "GET",
            path,
            query_params=list(query.items()),
            header_params={"Accept": "application/json"},
            auth_settings=["BearerToken"],
        )
        try:
            answer = api.call_api(*request, _request_timeout=60)
        except urllib3.exceptions.HTTPError as error:
            raise Refused(str(error)) from None
        content = answer.read()
        if answer.status != 200:
            raise Refused(content.decode(errors="replace"))
        return json.loads(content)

    @functools.cached_property
    def _api(self) -> client.ApiClient:
        return config.new_client_from_config(context=self.context)

    def wait_until_it_answers(self) -> None:
        """Wait for an API server that has just come back, until it has answered for some seconds without a break."""
        answered = 0

        def steadily() -> bool:
            nonlocal answered
            try:
                self.kubectl("get", "--raw", "/readyz")
            except Refused:
                answered = 0
            else:
                answered += 1
            return answered == 5

        eventually(steadily, f"the API server of {self.name} answers", 120, every=1)

    def install(self, crds: Path) -> None:
        """Apply custom resources, and wait until the API server knows them."""
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(crds))
        # A new one has no conditions for a moment, and kubectl refuses to wait for one of none.
        for condition in ("jsonpath={.status.conditions[0].type}=NamesAccepted", "condition=Established"):
            self.kubectl("wait", f"--for={condition}", "-f", str(crds))

    def nodes(self) -> list[str]:
        """Names of the nodes, which are also those of their containers."""
        return self.kubectl("get", "nodes", "-o", "jsonpath={.items[*].metadata.name}").split()

    def node_ports(self) -> dict[int, int]:
        """The ports of this machine that the cluster maps to node ports: host port -> node port."""
        command = ["docker", "inspect", "--format", "{{json .HostConfig.PortBindings}}", f"{self.name}-control-plane"]
        bound = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)
        node_ports = {int(key.partition("/")[0]): bindings for key, bindings in bound.items()}
        return {int(at["HostPort"]): port for port, bindings in node_ports.items() for at in bindings if port >= 30000}

    def images(self, node: str) -> set[str]:
        """Every image record of the node, the CRI's own (`sha256:…`) among them."""
        return set(self._ctr(node, "images", "ls", "-q").split())

    def remove_images(self, node: str, names: set[str]) -> None:
        self._ctr(node, "images", "rm", "--sync", *sorted(names))

    def kill_container(self, node: str, identity: str) -> None:
        self._ctr(node, "task", "kill", "--signal", "SIGKILL", identity)

    def _ctr(self, node: str, *arguments: str) -> str:
        command = ["docker", "exec", node, "ctr", "-n", "k8s.io", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


@dataclass(frozen=True)
class Namespace:
    """A namespace that enforces the restricted Pod Security Standard."""

    cluster: Cluster
    name: str

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        return self.cluster.kubectl("--namespace", self.name, *arguments, given=given)

    def apply(self, *objects: Object) -> str:
        """`kubectl apply` of the objects. Raises Refused."""
        return self.kubectl("apply", "-f", "-", given="\n".join(map(json.dumps, objects)))

    def get(self, kind: str, name: str) -> Object:
        """An object of a kind: `lmd`, or the plural of one of Kubernetes' own. Raises Refused."""
        found: Object = self.cluster.read(f"{_API[kind].format(self.name)}/{name}")
        return found

    def find(self, *kinds: str, labels: str = "", fields: str = "") -> list[Object]:
        """The objects of these kinds that the selectors choose."""
        chosen = {"labelSelector": labels, "fieldSelector": fields}
        lists = [self.cluster.read(_API[kind].format(self.name), **chosen) for kind in kinds]
        return [{"kind": list_["kind"].removesuffix("List"), **item} for list_ in lists for item in list_["items"]]

    def wait_ready(self, name: str, seconds: int = 90) -> Object:
        """Wait as a user or a pipeline would; returns the resource."""
        self.kubectl("wait", "--for=condition=Ready", f"lmd/{name}", f"--timeout={seconds}s")
        return self.get("lmd", name)

    def replicas(self, name: str) -> tuple[int, int]:
        """How many pods the Deployment of this name asks for, and how many are ready."""
        deployment = self.get("deployments", name)
        return deployment["spec"]["replicas"], deployment["status"].get("readyReplicas", 0)

    def condition(self, name: str, kind: str) -> Object:
        """A condition of a LocalModelDeployment; empty where it is absent, or speaks of an older generation."""
        found = self.get("lmd", name)
        generation = found["metadata"]["generation"]
        conditions = found["status"].get("conditions", [])
        current = (each for each in conditions if each.get("observedGeneration", generation) >= generation)
        return next((each for each in current if each["type"] == kind), {})

    def wait_condition(self, name: str, kind: str, status: str, reason: str, seconds: float = 90) -> Object:
        def there() -> Object | None:
            found = self.condition(name, kind)
            return found if (found.get("status"), found.get("reason")) == (status, reason) else None

        return eventually(there, f"condition {kind}={status} ({reason}) of {self.name}/{name}", seconds)

    def names(self) -> set[str]:
        """The names of the LocalModelDeployments."""
        return {deployment["metadata"]["name"] for deployment in self.find("lmd")}

    def serving(self, name: str) -> int:
        """The number of the revision that serves."""
        number: int = self.get("lmd", name)["status"]["revisions"]["serving"]
        return number

    def pods(self, name: str) -> list[Object]:
        """The deployment's pods that are not being deleted."""
        found = self.find("pods", labels=f"localmodel.dev/deployment={name}")
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def revisions(self, name: str) -> list[Object]:
        found = self.find("controllerrevisions", labels=f"localmodel.dev/deployment={name}")
        return sorted(found, key=lambda revision: int(revision["revision"]))

    def events(self, name: str) -> list[Object]:
        return self.find("events", fields=f"involvedObject.kind=LocalModelDeployment,involvedObject.name={name}")


def eventually(look: Callable[[], T | None], what: str, seconds: float = 90, every: float = 0.2) -> T:
    """What `look` returns once there is something, asked `every` so often; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(every)


def take_port(cluster: Cluster, ports: Iterator[int]) -> int:
    """The next port that nobody has."""

    def free() -> int | None:
        owners = json.dumps(cluster.read("/apis/localmodel.dev/v1alpha1/localmodeldeployments"))
        wanted = re.findall(r'"localPort": (\d+)', owners)  # of specs, and of status
        port = next(ports)
        return None if str(port) in wanted else port

    return eventually(free, "a free port")


def delete_at_once(namespace: Namespace, name: str) -> None:
    """kubectl's delete waits until the resource is gone: no finalizer may hold it up."""
    assert "finalizers" not in namespace.get("lmd", name)["metadata"]
    namespace.kubectl("delete", "lmd", name)


def wait_swept(cluster: Cluster, image: str, before: dict[str, set[str]]) -> None:
    """Wait until no node has the image, nor a record of the CRI's that was not there before."""
    repository = image.partition("@")[0]

    def swept() -> bool:
        for node, had in before.items():
            new = cluster.images(node) - had
            if any(name.startswith((repository, "sha256:")) for name in new):
                return False
        return True

    eventually(swept, f"{repository} swept from every node", 120)
