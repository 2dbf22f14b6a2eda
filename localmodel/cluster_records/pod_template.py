"""The pod that runs the scoring server, on any cluster, with or without an operator."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from localmodel.resource import capture, replay
from localmodel.resource.spec import DeploymentSpec, Variable
from localmodel.store import ModelVersion
from localmodel.updates.revision import models_text

PORT = 5001  # of the server in the container, as in Azure ML's images
# At most, and 5 when no request comes: proxies that read the cluster's lists of pods notice late that one ends.
DRAIN_SECONDS = 30
# A pod that ends stays ready while it takes requests: where there is no other one, clients are still led to it.
READY_PATH = "/readyz?stopping=ready"
CONTAINER = "scoring"
CAPTURE_FOLDER = PurePosixPath("/tmp/localmodel-capture")  # noqa: S108 - inside the container: its own emptyDir
_MOST_SURGE = 3  # pods that start at a time: more need memory beside the old ones, and wait for each other's processors

# Fields of spec.pod with the same name in a pod
_AS_IN_A_POD = (
    "nodeSelector",
    "tolerations",
    "affinity",
    "topologySpreadConstraints",
    "priorityClassName",
    "imagePullSecrets",
)

Object = dict[str, Any]


def pod_spec(
    spec: DeploymentSpec,
    image: str,
    pull_policy: str,
    env: Sequence[Object],
    *,
    ports: Sequence[Object] = (),
    mounts: Sequence[Object] = (),
    volumes: Sequence[Object] = (),
) -> Object:
    """The pod, which meets the restricted Pod Security Standard (kubernetes.io).

    `ports`, `mounts` and `volumes` are added to those that every server needs.
    """
    container = {
        "name": CONTAINER,
        "image": image,
        "imagePullPolicy": pull_policy,
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}, *ports],
        "env": list(env),
        "readinessProbe": {"httpGet": {"path": READY_PATH, "port": "http"}, "periodSeconds": 1, "timeoutSeconds": 5},
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
            *mounts,
        ],
    }
    return {
        # user code has no business with the API server
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": grace_seconds(spec),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {}}, *volumes],
    }


def grace_seconds(spec: DeploymentSpec) -> int:
    """The seconds that a server may take to end: for new requests, for those in flight, and some to spare."""
    return DRAIN_SECONDS + spec.server.scoring_timeout_seconds + 8


def server_variables(name: str, spec: DeploymentSpec, revision: str, models: Sequence[ModelVersion]) -> dict[str, str]:
    """The server's variables of a revision, wherever its container runs."""
    return {
        **spec.server.variables(),
        **capture.variables(spec.capture, CAPTURE_FOLDER),
        **replay.settings(spec.replay),
        "LOCALMODEL_REVISION": revision,
        "LOCALMODEL_MODEL_NAME": name,
        "LOCALMODEL_MODEL": models_text(models),
        "LOCALMODEL_DRAIN_SECONDS": str(DRAIN_SECONDS),
        "HOME": "/tmp",  # noqa: S108 - inside the container: a folder that can be written
    }


def env(
    variables: Mapping[str, str], user_variables: Sequence[Variable], references: Sequence[Object] = ()
) -> list[Object]:
    """The container's `env`: a variable of the user takes the place of the server's of the same name."""
    own = {variable.name for variable in user_variables}
    named = [{"name": "LOCALMODEL_SERVICE_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}]
    server = [{"name": key, "value": value} for key, value in variables.items() if key not in own]
    return [*references, *named, *server, *map(_variable, user_variables)]


def _variable(variable: Variable) -> Object:
    if variable.value_from is None:
        return {"name": variable.name, "value": variable.value}
    reference = variable.value_from
    field = "configMapKeyRef" if reference.kind == "ConfigMap" else "secretKeyRef"
    optional = {"optional": True} if reference.optional else {}
    return {"name": variable.name, "valueFrom": {field: {"name": reference.name, "key": reference.key, **optional}}}


def with_resources(pod: Mapping[str, Any], resources: Mapping[str, Any]) -> Object:
    """The pod whose container has these resources."""
    return {**pod, "containers": [{**container, "resources": dict(resources)} for container in pod["containers"]]}


def placed(pod: Mapping[str, Any], wishes: Mapping[str, Any]) -> Object:
    """The pod with the fields of spec.pod, without labels and annotations; its own fields stay as they are."""
    (container,) = pod["containers"]
    claims = [(f"claim-{index}", volume) for index, volume in enumerate(wishes.get("volumes", ()))]
    mounts = [{"name": name, "mountPath": volume["mountPath"], "readOnly": True} for name, volume in claims]
    volumes = [
        {"name": name, "persistentVolumeClaim": {**volume["persistentVolumeClaim"], "readOnly": True}}
        for name, volume in claims
    ]
    made = {
        **pod,
        **{name: wishes[name] for name in _AS_IN_A_POD if name in wishes},
        "containers": [{**container, "volumeMounts": [*container.get("volumeMounts", ()), *mounts]}],
        "volumes": [*pod.get("volumes", ()), *volumes],
    }
    if account := wishes.get("serviceAccountName"):
        # The service account says whether its token is mounted. The field's old name, the API server's copy, is set,
        # too, because only an owner of both can remove both.
        made |= {"serviceAccountName": account, "serviceAccount": account}
        made.pop("automountServiceAccountToken", None)
    return made


def strategy(spec: DeploymentSpec) -> Object:
    """How a Deployment replaces its pods."""
    if spec.strategy == "Recreate":
        return {"type": "Recreate"}
    surge = max(1, min(spec.replicas, _MOST_SURGE))
    return {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": surge}}
