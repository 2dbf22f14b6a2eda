"""Builds the children of a LocalModelDeployment as plain values, without side effects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from localmodel import digests
from localmodel.cluster_records import names
from localmodel.cluster_records.decision import config_map_name
from localmodel.cluster_records.revisions import RevisionData, record_name
from localmodel.resource import quantity
from localmodel.resource.spec import DeploymentSpec, Variable
from localmodel.store import ModelVersion
from localmodel.updates.revision import models_text
from localmodel_operator import managed_fields
from localmodel_operator.cluster import LMD, Object
from localmodel_operator.pods import admin

PORT = 5001  # of the server in the container, as in Azure ML's images
DRAIN_SECONDS = 5

# Fields of spec.pod with the same name in a pod
_AS_IN_A_POD = (
    "nodeSelector",
    "tolerations",
    "affinity",
    "topologySpreadConstraints",
    "priorityClassName",
    "imagePullSecrets",
)
_STATE, _WANTED = "/var/lib/localmodel", "/etc/localmodel/wanted"


@dataclass(frozen=True)
class Exposure:
    """How a Service can be reached: its type, and its node port where that is not the cluster's choice."""

    type: str
    node_port: int | None = None


@dataclass(frozen=True)
class Start:
    """What a pod is started with, apart from the spec: revision, image, epoch, and who may send it calls."""

    number: int
    image: str
    pull_policy: str
    epoch: int
    content: str
    environment: str
    admin_key: str
    owner: str  # decision.owner_of()
    secrets: str = ""  # digest of the versions of the Secrets that variables come from


def labels(name: str) -> dict[str, str]:
    return {**names.MANAGED_BY, names.DEPLOYMENT_LABEL: name}


def selector(name: str) -> dict[str, str]:
    """The labels that select the pods. They must never change, because a Deployment's selector is immutable."""
    return {names.DEPLOYMENT_LABEL: name}


def metadata(owner: Mapping[str, Any], name: str) -> Object:
    """The metadata of a child: its owner and its labels."""
    its = owner["metadata"]
    return {
        "name": name,
        "namespace": its["namespace"],
        "labels": labels(its["name"]),
        "ownerReferences": [
            {
                "apiVersion": owner["apiVersion"],
                "kind": owner["kind"],
                "name": its["name"],
                "uid": its["uid"],
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }


def owner_name(child: Mapping[str, Any]) -> str:
    """The name of the LocalModelDeployment that owns the child, or ""."""
    owners = child["metadata"].get("ownerReferences", [])
    return next((str(owner["name"]) for owner in owners if owner.get("controller") and owner["kind"] == LMD.name), "")


def controller_revision(owner: Mapping[str, Any], number: int, data: RevisionData) -> Object:
    """The ControllerRevision of a revision: its five digests, and what is needed to serve it again."""
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": metadata(owner, record_name(owner["metadata"]["name"], number)),
        "revision": number,
        "data": data.as_json(),
    }


def service(owner: Mapping[str, Any], exposure: Exposure) -> Object:
    """The Service, which an edit of the exposure leaves the same object."""
    name = owner["metadata"]["name"]
    port = {"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(owner, name),
        "spec": {
            "type": exposure.type,
            "selector": selector(name),
            "ports": [{**port, "nodePort": exposure.node_port} if exposure.node_port else port],
        },
    }


def service_drift(current: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> str:
    """A phrase for what somebody has changed in the Service, or ""."""
    if current is None:
        return "it has been deleted"
    spec, asked = current["spec"], wanted["spec"]
    if not wanted["metadata"]["labels"].items() <= current["metadata"].get("labels", {}).items():
        return "its labels have been changed"
    if spec.get("selector") != asked["selector"]:
        return "its selector has been changed"
    if spec.get("type") != asked["type"]:
        return "its type has been changed"
    (port,) = asked["ports"]
    if not any(port.items() <= published.items() for published in spec.get("ports", [])):
        return "its port has been changed"
    return ""


def pod_template(
    name: str,
    spec: DeploymentSpec,
    variables: Sequence[Variable],
    start: Start,
    models: Sequence[ModelVersion] = (),
) -> Object:
    """The pod template of a revision, which meets the restricted Pod Security Standard (kubernetes.io)."""
    annotations = {"annotations": {names.SECRETS_ANNOTATION: start.secrets}} if start.secrets else {}
    return {
        "metadata": {"labels": {**labels(name), names.REVISION_LABEL: str(start.number)}, **annotations},
        "spec": {
            # user code has no business with the API server
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": DRAIN_SECONDS + spec.server.scoring_timeout_seconds + 8,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "runAsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [_container(start, variables, _server_variables(name, spec, variables, start, models))],
            "volumes": [
                {"name": "tmp", "emptyDir": {}},
                {"name": "state", "emptyDir": {}},
                {"name": "wanted", "configMap": {"name": config_map_name(name), "optional": True}},
            ],
        },
    }


def deployment(owner: Mapping[str, Any], spec: DeploymentSpec, template: Mapping[str, Any]) -> Object:
    """The Deployment with a revision's recorded pod template, and with the spec's `resources` and `pod`."""
    name = owner["metadata"]["name"]
    containers = [{**container, "resources": dict(spec.resources)} for container in template["spec"]["containers"]]
    template = {**template, "spec": {**template["spec"], "containers": containers}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(owner, name),
        "spec": {
            "replicas": spec.replicas,
            "revisionHistoryLimit": 2,
            "progressDeadlineSeconds": spec.progress_deadline_seconds,
            "selector": {"matchLabels": selector(name)},
            "strategy": _strategy(spec),
            "template": _placed(template, spec.pod) if spec.pod else template,
        },
    }


def _placed(template: Object, pod: Mapping[str, Any]) -> Object:
    """The template with the fields of spec.pod; the operator's own fields stay as they are."""
    its, spec = template["metadata"], template["spec"]
    (container,) = spec["containers"]
    claims = [(f"claim-{index}", volume) for index, volume in enumerate(pod.get("volumes", ()))]
    mounts = [{"name": name, "mountPath": volume["mountPath"], "readOnly": True} for name, volume in claims]
    volumes = [
        {"name": name, "persistentVolumeClaim": {**volume["persistentVolumeClaim"], "readOnly": True}}
        for name, volume in claims
    ]
    annotations = {**pod.get("annotations", {}), **its.get("annotations", {}), names.POD_ANNOTATION: _digest(pod)}
    placed = {
        **spec,
        **{name: pod[name] for name in _AS_IN_A_POD if name in pod},
        "containers": [{**container, "volumeMounts": [*container.get("volumeMounts", ()), *mounts]}],
        "volumes": [*spec.get("volumes", ()), *volumes],
    }
    if account := pod.get("serviceAccountName"):
        # The service account says whether its token is mounted. The field's old name, the API server's copy, is set,
        # too, because only an owner of both can remove both.
        placed |= {"serviceAccountName": account, "serviceAccount": account}
        placed.pop("automountServiceAccountToken", None)
    labels = {**pod.get("labels", {}), **its.get("labels", {})}
    return {"metadata": {"labels": labels, "annotations": annotations}, "spec": placed}


def _digest(pod: Mapping[str, Any]) -> str:
    return digests.of_json(dict(pod)) if pod else ""


def _strategy(spec: DeploymentSpec) -> Object:
    if spec.strategy == "Recreate":
        return {"type": "Recreate"}
    return {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}


def pods_differ(deployment: Mapping[str, Any], spec: DeploymentSpec) -> str:
    """The field of the spec, `resources` or `pod`, that differs from the Deployment's pods, or "".

    The API server writes amounts differently, and fills in what `spec.pod` leaves out.
    """
    template = deployment["spec"]["template"]
    (container,) = template["spec"]["containers"]
    if _amounts(container.get("resources", {})) != _amounts(spec.resources):
        return "spec.resources"
    if template["metadata"].get("annotations", {}).get(names.POD_ANNOTATION, "") != _digest(spec.pod):
        return "spec.pod"
    return ""


def _amounts(resources: Mapping[str, Any]) -> dict[str, dict[str, Fraction]]:
    return {
        kind: {name: quantity.parse(amount) for name, amount in amounts.items()}
        for kind, amounts in resources.items()
        if amounts
    }


def _container(start: Start, variables: Sequence[Variable], server_variables: list[Object]) -> Object:
    return {
        "name": managed_fields.CONTAINER,
        "image": start.image,
        "imagePullPolicy": start.pull_policy,
        "ports": [
            {"name": "http", "containerPort": PORT, "protocol": "TCP"},
            {"name": "admin", "containerPort": admin.PORT, "protocol": "TCP"},
        ],
        "env": [*server_variables, *map(_variable, variables)],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 1, "timeoutSeconds": 5},
        "livenessProbe": {
            "httpGet": {"path": "/livez", "port": "http"},
            "periodSeconds": 10,
            "timeoutSeconds": 10,
            "failureThreshold": 6,
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - inside the container
            {"name": "state", "mountPath": _STATE},
            {"name": "wanted", "mountPath": _WANTED, "readOnly": True},
        ],
    }


def _server_variables(
    name: str,
    spec: DeploymentSpec,
    own_variables: Sequence[Variable],
    start: Start,
    models: Sequence[ModelVersion],
) -> list[Object]:
    variables = {
        **spec.server.variables(),
        "LOCALMODEL_REVISION": str(start.number),
        "LOCALMODEL_MODEL_NAME": name,
        "LOCALMODEL_MODEL": models_text(models),
        "LOCALMODEL_DRAIN_SECONDS": str(DRAIN_SECONDS),
        "LOCALMODEL_TERMINATION_LOG": "/dev/termination-log",
        "HOME": "/tmp",  # noqa: S108 - inside the container: a folder that can be written
        "LOCALMODEL_ADMIN_PORT": str(admin.PORT),
        "LOCALMODEL_ADMIN_KEY": start.admin_key,
        "LOCALMODEL_SERVICE_NAME": name,
        "LOCALMODEL_OWNER": start.owner,
        "LOCALMODEL_EPOCH": str(start.epoch),
        "LOCALMODEL_CONTENT": start.content,
        "LOCALMODEL_ENVIRONMENT": start.environment,
        "LOCALMODEL_STATE_FOLDER": _STATE,
        "LOCALMODEL_WANTED_FOLDER": _WANTED,
    }
    own = {variable.name for variable in own_variables}
    return [
        {"name": "LOCALMODEL_POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
        {"name": "LOCALMODEL_SERVICE_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        *({"name": key, "value": value} for key, value in variables.items() if key not in own),
    ]


def _variable(variable: Variable) -> Object:
    if variable.value_from is None:
        return {"name": variable.name, "value": variable.value}
    reference = variable.value_from
    field = "configMapKeyRef" if reference.kind == "ConfigMap" else "secretKeyRef"
    optional = {"optional": True} if reference.optional else {}
    return {"name": variable.name, "valueFrom": {field: {"name": reference.name, "key": reference.key, **optional}}}
