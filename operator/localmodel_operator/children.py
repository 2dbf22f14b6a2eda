"""Builds the children of a LocalModelDeployment as plain values, without side effects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from localmodel import digests
from localmodel.cluster_records import names
from localmodel.cluster_records import pod_template as shared
from localmodel.cluster_records.decision import config_map_name
from localmodel.cluster_records.revisions import RevisionData, record_name
from localmodel.resource import quantity
from localmodel.resource.spec import DeploymentSpec, Variable
from localmodel.store import ModelVersion
from localmodel_operator.cluster import LMD, Object
from localmodel_operator.pods import admin

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
    uid = {"name": "LOCALMODEL_POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}}
    pod = shared.pod_spec(
        spec,
        start.image,
        start.pull_policy,
        shared.env(_server_variables(name, spec, start, models), variables, [uid]),
        ports=[{"name": "admin", "containerPort": admin.PORT, "protocol": "TCP"}],
        mounts=[
            {"name": "state", "mountPath": _STATE},
            {"name": "wanted", "mountPath": _WANTED, "readOnly": True},
        ],
        volumes=[
            {"name": "state", "emptyDir": {}},
            {"name": "wanted", "configMap": {"name": config_map_name(name), "optional": True}},
        ],
    )
    return {
        "metadata": {"labels": {**labels(name), names.REVISION_LABEL: str(start.number)}, **annotations},
        "spec": pod,
    }


def deployment(owner: Mapping[str, Any], spec: DeploymentSpec, template: Mapping[str, Any]) -> Object:
    """The Deployment with a revision's recorded pod template, and with the spec's `resources` and `pod`."""
    name = owner["metadata"]["name"]
    template = {**template, "spec": shared.with_resources(template["spec"], spec.resources)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(owner, name),
        "spec": {
            "replicas": spec.replicas,
            "revisionHistoryLimit": 2,
            "progressDeadlineSeconds": spec.progress_deadline_seconds,
            "selector": {"matchLabels": selector(name)},
            "strategy": shared.strategy(spec),
            "template": _placed(template, spec.pod) if spec.pod else template,
        },
    }


def _placed(template: Object, pod: Mapping[str, Any]) -> Object:
    """The template with the fields of spec.pod; the operator's own fields stay as they are."""
    its = template["metadata"]
    labels = {**pod.get("labels", {}), **its.get("labels", {})}
    annotations = {**pod.get("annotations", {}), **its.get("annotations", {}), names.POD_ANNOTATION: _digest(pod)}
    return {
        "metadata": {"labels": labels, "annotations": annotations},
        "spec": shared.placed(template["spec"], pod),
    }


def _digest(pod: Mapping[str, Any]) -> str:
    return digests.of_json(dict(pod)) if pod else ""


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


def _server_variables(name: str, spec: DeploymentSpec, start: Start, models: Sequence[ModelVersion]) -> dict[str, str]:
    return {
        **shared.server_variables(name, spec, str(start.number), models),
        "LOCALMODEL_TERMINATION_LOG": "/dev/termination-log",
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
