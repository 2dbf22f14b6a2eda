"""An InferenceService of KServe with the deployment's container, which answers KServe's protocols V1 and V2."""

from typing import Any

from localmodel.cluster_records import pod_template
from localmodel.resource.spec import DeploymentSpec
from localmodel.ways_out import documents, kubernetes
from localmodel.ways_out.packed import Packed, Written

# KServe's own name of the container that answers
_CONTAINER = "kserve-container"
# A plain Deployment, which needs no Knative. Releases before 0.16 know it by this name alone, later ones still do.
_MODE = {"serving.kserve.io/deploymentMode": "RawDeployment"}
# KServe passes on the name that a client calls, and each cluster has names of its own.
_ANY_HOST = {"LOCALMODEL_ALLOWED_HOSTS": "*"}


def write(packed: Packed) -> Written:
    """The InferenceService, and a note on how clients call it."""
    spec, wishes = packed.spec, packed.spec.pod
    document = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": packed.name, "annotations": _MODE},
        "spec": {
            "predictor": {
                **_replicas(spec),
                "timeout": spec.server.scoring_timeout_seconds,
                **{field: dict(wishes[field]) for field in ("labels", "annotations") if wishes.get(field)},
                **_pod(packed),
            }
        },
    }
    notes = [*documents.of_the_operator(spec), *documents.of_references(packed.variables)]
    if spec.replicas == 0:
        notes.append("spec.replicas: 0 stops a deployment here, and not in KServe: 1 is written")
    if spec.autoscaling:
        notes.append("spec.autoscaling: min and max are written, and KServe scales as it does without being told how")
    return Written({"inferenceservice.yaml": documents.yaml_of(document)}, tuple(notes))


def _replicas(spec: DeploymentSpec) -> dict[str, Any]:
    if wanted := spec.autoscaling:
        return {"minReplicas": wanted.min, "maxReplicas": wanted.max}
    replicas = max(spec.replicas, 1)  # 0 means to KServe that Knative starts it at a request
    return {"minReplicas": replicas, "maxReplicas": replicas}


def _pod(packed: Packed) -> dict[str, Any]:
    pod = kubernetes.pod(packed, _ANY_HOST)
    (container,) = pod["containers"]
    # Knative, where somebody chooses that mode, allows only names of its own for the port.
    probes = {
        name: {**container[name], "httpGet": {**container[name]["httpGet"], "port": pod_template.PORT}}
        for name in ("readinessProbe", "livenessProbe")
    }
    ports = [{"containerPort": pod_template.PORT, "protocol": "TCP"}]
    return {**pod, "containers": [{**container, "name": _CONTAINER, "ports": ports, **probes}]}
