"""A file for Docker Compose with the deployment's container."""

from collections.abc import Sequence
from typing import Any

from localmodel.cluster_records import pod_template
from localmodel.resource import quantity
from localmodel.resource.spec import DeploymentSpec, Variable
from localmodel.ways_out import documents
from localmodel.ways_out.packed import Packed, Written

_PORT = 6789  # on this machine, as everywhere in this project
# The server's own Python asks, because an image need not have curl.
_READY = f"import urllib.request; urllib.request.urlopen('http://localhost:{pod_template.PORT}/readyz')"
_PYTHON = "/opt/localmodel/venv/bin/python"


def write(packed: Packed) -> Written:
    """The compose.yaml, with a service of the deployment's name at its port on this machine."""
    spec = packed.spec
    port = spec.local_port or _PORT
    service: dict[str, Any] = {
        "image": packed.image,
        "ports": [f"127.0.0.1:{port}:{pod_template.PORT}"],
        "environment": {**_server(packed), **dict(_value(variable) for variable in packed.variables)},
        "healthcheck": {"test": ["CMD", _PYTHON, "-I", "-c", _READY], "interval": "10s", "timeout": "5s"},
        "stop_grace_period": f"{pod_template.grace_seconds(spec)}s",
        "restart": "unless-stopped",
        "read_only": True,
        "tmpfs": ["/tmp"],  # noqa: S108 - inside the container
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
    }
    if resources := _resources(spec):
        service["deploy"] = {"resources": resources}
    document = {"services": {packed.name: service}}
    return Written({"compose.yaml": documents.yaml_of(document)}, tuple(_notes(spec, packed.variables)))


def _server(packed: Packed) -> dict[str, str]:
    own = {variable.name for variable in packed.variables}
    variables = {
        **pod_template.server_variables(packed.name, packed.spec, "1", packed.models),
        "LOCALMODEL_SERVICE_NAME": packed.name,  # other services call it so
    }
    return {name: _escaped(value) for name, value in variables.items() if name not in own}


def _value(variable: Variable) -> tuple[str, str]:
    """Name and value; one that lies in a cluster is asked for in the shell or in the file .env."""
    reference = variable.value_from
    if reference is None:
        return variable.name, _escaped(variable.value)
    if reference.optional:
        return variable.name, f"${{{variable.name}:-}}"
    return variable.name, f"${{{variable.name}:?is in the {reference.kind} {reference.name}; set it in the file .env}}"


def _escaped(value: str) -> str:
    return value.replace("$", "$$")


def _resources(spec: DeploymentSpec) -> dict[str, Any]:
    """The amounts of processors and memory; Compose spells memory as Kubernetes does not."""
    kinds = {"limits": "limits", "requests": "reservations"}
    return {kinds[kind]: amounts for kind in kinds if (amounts := _amounts(spec.resources.get(kind, {})))}


def _amounts(amounts: dict[str, Any]) -> dict[str, str]:
    made = {}
    if "cpu" in amounts:
        made["cpus"] = f"{float(quantity.parse(amounts['cpu'])):g}"
    if "memory" in amounts:
        made["memory"] = f"{int(quantity.parse(amounts['memory']))}b"
    return made


def _notes(spec: DeploymentSpec, variables: Sequence[Variable]) -> list[str]:
    notes = documents.of_the_operator(spec)
    notes += [f"spec.pod.{name}: there are no pods" for name in spec.pod]
    amounts = {name for kind in spec.resources.values() for name in kind}
    notes += [f"spec.resources: {name} is left out" for name in sorted(amounts - {"cpu", "memory"})]
    if spec.replicas != 1:
        notes.append(f"spec.replicas: {spec.replicas} cannot share a port of this machine: there is one")
    if spec.autoscaling:
        notes.append("spec.autoscaling: nothing scales a container: there is one")
    for variable in variables:
        if reference := variable.value_from:
            place = f"{reference.kind} {reference.name}"
            notes.append(f"spec.env: {variable.name} comes from the {place}: set it in the file .env")
    return notes
