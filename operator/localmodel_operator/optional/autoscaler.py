"""The HorizontalPodAutoscaler of a resource with `spec.autoscaling`."""

from collections.abc import Mapping
from typing import Any

from localmodel.cluster_records.autoscaling import autoscaler_spec
from localmodel.resource.spec import Autoscaling
from localmodel_operator import children
from localmodel_operator.cluster import AUTOSCALER, Object


def autoscaler(owner: Mapping[str, Any], wanted: Autoscaling) -> Object:
    """The HorizontalPodAutoscaler, which scales the Deployment."""
    name = owner["metadata"]["name"]
    return {
        "apiVersion": AUTOSCALER.api_version,
        "kind": AUTOSCALER.name,
        "metadata": children.metadata(owner, name),
        "spec": autoscaler_spec(name, wanted),
    }
