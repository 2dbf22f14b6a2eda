"""Manifests that serve a deployment on any cluster, without the operator and its custom resource."""

from typing import Any

from localmodel.cluster_records import autoscaling, pod_template
from localmodel.ways_out import documents
from localmodel.ways_out.packed import Packed, Written

Object = dict[str, Any]


def write(packed: Packed) -> Written:
    """A Deployment, its Service, and what limits evictions and who reaches the pods, or scales them."""
    objects = {
        "deployment": _deployment(packed),
        "service": _service(packed),
        "poddisruptionbudget": _disruption_budget(packed),
        "networkpolicy": _network_policy(packed),
    }
    if wanted := packed.spec.autoscaling:
        spec = autoscaling.autoscaler_spec(packed.name, wanted)
        objects["horizontalpodautoscaler"] = _object(packed, autoscaling.API_VERSION, autoscaling.KIND, spec)
    notes = [*documents.of_the_operator(packed.spec), *documents.of_references(packed.variables)]
    return Written({f"{kind}.yaml": documents.yaml_of(made) for kind, made in objects.items()}, tuple(notes))


def pod(packed: Packed, variables: dict[str, str]) -> Object:
    """The pod of a server that nobody brings other revisions; `variables` are added to the server's."""
    server = {
        **pod_template.server_variables(packed.name, packed.spec, "1", packed.models),
        "LOCALMODEL_TERMINATION_LOG": "/dev/termination-log",
        **variables,
    }
    env = pod_template.env(server, packed.variables)
    made = pod_template.pod_spec(packed.spec, packed.image, "IfNotPresent", env)
    return pod_template.placed(pod_template.with_resources(made, packed.spec.resources), packed.spec.pod)


def _labels(packed: Packed) -> dict[str, str]:
    # None of the operator's labels, which would take these objects for its own.
    return {"app.kubernetes.io/name": packed.name}


def _object(packed: Packed, version: str, kind: str, spec: Object) -> Object:
    metadata = {"name": packed.name, "labels": _labels(packed)}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def _deployment(packed: Packed) -> Object:
    spec, wishes = packed.spec, packed.spec.pod
    metadata: Object = {"labels": {**wishes.get("labels", {}), **_labels(packed)}}
    if annotations := wishes.get("annotations"):
        metadata["annotations"] = dict(annotations)
    return _object(
        packed,
        "apps/v1",
        "Deployment",
        {
            **({} if spec.autoscaling else {"replicas": spec.replicas}),
            "progressDeadlineSeconds": spec.progress_deadline_seconds,
            "selector": {"matchLabels": _labels(packed)},
            "strategy": pod_template.strategy(spec),
            "template": {"metadata": metadata, "spec": pod(packed, {"LOCALMODEL_SERVICE_NAME": packed.name})},
        },
    )


def _service(packed: Packed) -> Object:
    port = {"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}
    return _object(packed, "v1", "Service", {"selector": _labels(packed), "ports": [port]})


def _disruption_budget(packed: Packed) -> Object:
    # One pod at a time, so that a node can also be drained of an only replica.
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": _labels(packed)}}
    return _object(packed, "policy/v1", "PodDisruptionBudget", spec)


def _network_policy(packed: Packed) -> Object:
    # Who is let in at the one port says the cluster; where a script connects to says nothing here.
    spec = {
        "podSelector": {"matchLabels": _labels(packed)},
        "policyTypes": ["Ingress"],
        "ingress": [{"ports": [{"port": "http", "protocol": "TCP"}]}],
    }
    return _object(packed, "networking.k8s.io/v1", "NetworkPolicy", spec)
