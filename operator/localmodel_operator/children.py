"""Builds the children of a LocalModelDeployment as plain values, without side effects."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from localmodel import digests
from localmodel.cluster_records import names
from localmodel.cluster_records import pod_template as shared
from localmodel.cluster_records.decision import config_map_name
from localmodel.cluster_records.revisions import RevisionData, record_name
from localmodel.resource import quantity
from localmodel.resource.spec import ROUTE_VARIABLES, DeploymentSpec, Route, Variable
from localmodel.store import ModelVersion
from localmodel_operator.cluster import LMD, Object
from localmodel_operator.pods import admin
from localmodel_operator.pods.held_models import STATE_VOLUME

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


def service(owner: Mapping[str, Any], exposure: Exposure, optional: Collection[str] = ()) -> Object:
    """The Service, which an edit of the exposure leaves the same object.

    `optional`: the kinds of optional children that there may be.
    """
    name = owner["metadata"]["name"]
    its = metadata(owner, name)
    if optional:
        its["annotations"] = {names.OPTIONAL_ANNOTATION: ",".join(sorted(optional))}
    port = {"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": its,
        "spec": {
            "type": exposure.type,
            "selector": selector(name),
            "ports": [{**port, "nodePort": exposure.node_port} if exposure.node_port else port],
        },
    }


def optional_kinds(service: Mapping[str, Any] | None) -> set[str]:
    """The kinds of optional children that there may be, by the Service's annotation."""
    annotations = service["metadata"].get("annotations", {}) if service else {}
    return {*filter(None, annotations.get(names.OPTIONAL_ANNOTATION, "").split(","))}


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
            {"name": STATE_VOLUME, "mountPath": _STATE},
            {"name": "wanted", "mountPath": _WANTED, "readOnly": True},
        ],
        volumes=[
            {"name": STATE_VOLUME, "emptyDir": {}},
            {"name": "wanted", "configMap": {"name": config_map_name(name), "optional": True}},
        ],
    )
    return {
        "metadata": {"labels": {**labels(name), names.REVISION_LABEL: str(start.number)}, **annotations},
        "spec": pod,
    }


def deployment(
    owner: Mapping[str, Any], spec: DeploymentSpec, template: Mapping[str, Any], outlived: str = ""
) -> Object:
    """The Deployment with a revision's recorded pod template, and with what the spec has beside revisions.

    `outlived` is what rollout_status.outlived() says.
    """
    name = owner["metadata"]["name"]
    its = metadata(owner, name)
    if outlived:
        its["annotations"] = {names.OUTLIVED_ANNOTATION: outlived}
    template = {**template, "spec": shared.with_resources(template["spec"], spec.resources)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": its,
        "spec": {
            **({} if spec.autoscaling else {"replicas": spec.replicas}),
            "revisionHistoryLimit": 2,
            "progressDeadlineSeconds": spec.progress_deadline_seconds,
            "selector": {"matchLabels": selector(name)},
            "strategy": shared.strategy(spec),
            "template": _placed(template, spec) if placement(spec) else template,
        },
    }


def replicas(spec: DeploymentSpec, deployment: Mapping[str, Any] | None) -> int:
    """How many pods are wanted: as the spec says, or as an autoscaler has written into the Deployment."""
    if spec.autoscaling is None:
        return spec.replicas
    return int(deployment["spec"]["replicas"]) if deployment else spec.autoscaling.min


def placement(spec: DeploymentSpec) -> str:
    """The digest of what pods have beside their revision, or "": `spec.pod`, and what leads to them."""
    pod, route = dict(spec.pod), spec.route.variables()
    if not pod and not route:
        return ""
    return digests.of_json([pod, route] if route else pod)


def _placed(template: Object, spec: DeploymentSpec) -> Object:
    """The template with what is beside the revision; the operator's own fields stay as they are."""
    its, pod = template["metadata"], spec.pod
    labels = {**pod.get("labels", {}), **its.get("labels", {})}
    annotations = {**pod.get("annotations", {}), **its.get("annotations", {}), names.POD_ANNOTATION: placement(spec)}
    return {
        "metadata": {"labels": labels, "annotations": annotations},
        "spec": shared.placed(_led_to(template["spec"], spec.route), pod),
    }


def _led_to(pod: Object, route: Route) -> Object:
    """The pod whose server knows what leads to it."""
    (container,) = pod["containers"]
    known = [{"name": name, "value": value} for name, value in route.variables().items()]
    return {**pod, "containers": [{**container, "env": [*container.get("env", []), *known]}]}


def pods_differ(deployment: Mapping[str, Any], spec: DeploymentSpec) -> str:
    """The field of the spec, `resources`, `service` or `pod`, that differs from the Deployment's pods, or "".

    The API server writes amounts differently, and fills in what `spec.pod` leaves out.
    """
    template = deployment["spec"]["template"]
    (container,) = template["spec"]["containers"]
    if _amounts(container.get("resources", {})) != _amounts(spec.resources):
        return "spec.resources"
    known = {variable["name"]: variable.get("value") for variable in container.get("env", [])}
    if {name: known[name] for name in ROUTE_VARIABLES if name in known} != spec.route.variables():
        return "spec.service"
    if template["metadata"].get("annotations", {}).get(names.POD_ANNOTATION, "") != placement(spec):
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
