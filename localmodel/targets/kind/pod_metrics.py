"""Reads the metrics of a deployment's pods through the API server, because the Service leads to any one of them."""

from localmodel.errors import UserError
from localmodel.targets.kind.kubectl import Kubectl, Object, items

_SECONDS = 5
_PORT = "http"  # the port's name in the pod


def of(kubectl: Kubectl, resource: Object) -> list[str]:
    """The metrics of each pod that answers."""
    selector = resource.get("status", {}).get("selector")
    if not selector:
        return []
    namespace = resource["metadata"]["namespace"]
    pods = items(kubectl.run("get", "pods", f"--selector={selector}", "--namespace", namespace, "-o", "json"))
    texts = []
    for name, port in ((pod["metadata"]["name"], _port(pod)) for pod in pods):
        path = f"/api/v1/namespaces/{namespace}/pods/{name}:{port}/proxy/metrics"
        try:
            texts.append(kubectl.run("get", "--raw", path, f"--request-timeout={_SECONDS}s"))
        except UserError:  # it is starting or ending
            continue
    return texts


def _port(pod: Object) -> int | None:
    ports = (port for container in pod["spec"]["containers"] for port in container.get("ports", []))
    return next((int(port["containerPort"]) for port in ports if port.get("name") == _PORT), None)
