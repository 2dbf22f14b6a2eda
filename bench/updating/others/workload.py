"""A copy of our pods for another way to update: the same server, packages, probes and limits."""

import json
from collections.abc import Mapping
from typing import Any

from updating.site import Site

# Variables and volumes for our swap only; without them the server is a plain one.
_OF_THE_SWAP = ("ADMIN", "EPOCH", "CONTENT", "ENVIRONMENT", "STATE", "WANTED", "POD_UID", "MODEL")
_VOLUMES = ("tmp",)


class Workload:
    """A Deployment with its Service, managed with kubectl only."""

    def __init__(self, site: Site, name: str, port: int) -> None:
        self.site, self.name, self.port = site, name, port
        self.selector = f"app={name}"

    def apply(self, ours: str, image: str, edit: int, changes: Mapping[str, Any] | None = None) -> None:
        """Create it with our deployment's pods; `changes` are fields of the container."""
        container = {**_plain(self.site.get(f"deployment/{ours}")), "image": image, **(changes or {})}
        container["env"] = [*container["env"], {"name": "EDIT", "value": str(edit)}]
        deployment, service = self._deployment(ours, container), self._service(ours)
        for child in (deployment, service):
            self.site.kubectl("apply", "-f", "-", text=json.dumps(child))
        self.wait()

    def set_image(self, image: str) -> None:
        self.site.kubectl("set", "image", f"deployment/{self.name}", f"scoring={image}")

    def set_variable(self, edit: int) -> None:
        self.site.kubectl("set", "env", f"deployment/{self.name}", f"EDIT={edit}")

    def undo(self) -> None:
        self.site.kubectl("rollout", "undo", f"deployment/{self.name}")

    def scale(self, replicas: int) -> None:
        self.site.kubectl("scale", f"deployment/{self.name}", f"--replicas={replicas}")
        self.wait()

    def wait(self) -> None:
        self.site.kubectl("rollout", "status", f"deployment/{self.name}", "--timeout=300s")

    def pods(self) -> list[str]:
        """The names of the running pods."""
        pods = self.site.get("pods", "-l", self.selector)["items"]
        return [pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def _deployment(self, ours: str, container: Mapping[str, Any]) -> Any:
        spec = self.site.get(f"deployment/{ours}")["spec"]
        pod = spec["template"]["spec"]
        volumes = [volume for volume in pod.get("volumes", []) if volume["name"] in _VOLUMES]
        labels = {"app": self.name}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": self.name},
            "spec": {
                "replicas": 1,
                "strategy": spec["strategy"],
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {**pod, "containers": [container], "volumes": volumes},
                },
            },
        }

    def _service(self, ours: str) -> Any:
        (port,) = self.site.get(f"service/{ours}")["spec"]["ports"]
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": self.name},
            "spec": {
                "type": "NodePort",
                "selector": {"app": self.name},
                "ports": [{**port, "nodePort": self.site.node_port(self.port)}],
            },
        }


def _plain(deployment: Mapping[str, Any]) -> dict[str, Any]:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    swaps = tuple(f"LOCALMODEL_{word}" for word in _OF_THE_SWAP)
    return {
        **container,
        "imagePullPolicy": "IfNotPresent",
        "ports": [port for port in container["ports"] if port["name"] == "http"],
        "env": [variable for variable in container["env"] if not variable["name"].startswith((*swaps, "EDIT"))],
        "volumeMounts": [mount for mount in container.get("volumeMounts", []) if mount["name"] in _VOLUMES],
    }
