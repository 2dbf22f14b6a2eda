"""The children of a LocalModelDeployment, as plain values. Building one has no side effect."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from localmodel.revision import Revision, models_text
from localmodel.spec import DeploymentSpec, Variable
from localmodel.store import ModelVersion
from localmodel_operator import names

PORT = 5001  # of the server in the container, as in Azure ML's images
DRAIN_SECONDS = 5

Object = dict[str, Any]


def labels(name: str) -> dict[str, str]:
    return {**names.MANAGED_BY, names.DEPLOYMENT_LABEL: name}


def selector(name: str) -> dict[str, str]:
    """Labels that find the pods. Immutable in a Deployment, so never to be changed."""
    return {names.DEPLOYMENT_LABEL: name}


def _metadata(owner: Mapping[str, Any], name: str) -> Object:
    metadata = owner["metadata"]
    return {
        "name": name,
        "namespace": metadata["namespace"],
        "labels": labels(metadata["name"]),
        "ownerReferences": [
            {
                "apiVersion": owner["apiVersion"],
                "kind": owner["kind"],
                "name": metadata["name"],
                "uid": metadata["uid"],
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }


def controller_revision(owner: Mapping[str, Any], number: int, revision: Revision, record: Mapping[str, Any]) -> Object:
    """The record of a revision: its five digests, and what is needed to serve it again."""
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": _metadata(owner, f"{owner['metadata']['name']}-r{number}"),
        "revision": number,
        "data": {"digests": asdict(revision), **record},
    }


def service(owner: Mapping[str, Any], node_port: int) -> Object:
    name = owner["metadata"]["name"]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(owner, name),
        "spec": {
            "type": "NodePort",
            "selector": selector(name),
            "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP", "nodePort": node_port}],
        },
    }


def pod_template(
    name: str, spec: DeploymentSpec, number: int, image: str, models: Sequence[ModelVersion] = ()
) -> Object:
    """Pods of one revision. They pass the restricted Pod Security Standard (kubernetes.io, Pod Security Standards)."""
    return {
        "metadata": {"labels": {**labels(name), names.REVISION_LABEL: str(number)}},
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
            "containers": [_container(spec, image, _server_variables(name, spec, number, models))],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        },
    }


def deployment(owner: Mapping[str, Any], spec: DeploymentSpec, template: Mapping[str, Any]) -> Object:
    """The Deployment of a revision's pods, as its record keeps them, with the resources of the spec."""
    name = owner["metadata"]["name"]
    containers = [{**container, "resources": dict(spec.resources)} for container in template["spec"]["containers"]]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(owner, name),
        "spec": {
            "replicas": spec.replicas,
            "revisionHistoryLimit": 2,
            "progressDeadlineSeconds": spec.progress_deadline_seconds,
            "selector": {"matchLabels": selector(name)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": {**template, "spec": {**template["spec"], "containers": containers}},
        },
    }


def _container(spec: DeploymentSpec, image: str, server_variables: list[Object]) -> Object:
    return {
        "name": "scoring",
        "image": image,
        # the image is on the node already, under a name that no registry has
        "imagePullPolicy": "Never",
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "env": [*server_variables, *map(_variable, spec.env)],
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
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - inside the container
    }


def _server_variables(name: str, spec: DeploymentSpec, number: int, models: Sequence[ModelVersion]) -> list[Object]:
    variables = {
        **spec.server.variables(),
        "LOCALMODEL_REVISION": str(number),
        "LOCALMODEL_MODEL_NAME": name,
        "LOCALMODEL_MODEL": models_text(models),
        "LOCALMODEL_DRAIN_SECONDS": str(DRAIN_SECONDS),
        "LOCALMODEL_TERMINATION_LOG": "/dev/termination-log",
        "HOME": "/tmp",  # noqa: S108 - inside the container: the one folder that can be written
    }
    own = {variable.name for variable in spec.env}
    return [{"name": key, "value": value} for key, value in variables.items() if key not in own]


def _variable(variable: Variable) -> Object:
    if variable.value_from is None:
        return {"name": variable.name, "value": variable.value}
    reference = variable.value_from
    field = "configMapKeyRef" if reference.kind == "ConfigMap" else "secretKeyRef"
    return {"name": variable.name, "valueFrom": {field: {"name": reference.name, "key": reference.key}}}
