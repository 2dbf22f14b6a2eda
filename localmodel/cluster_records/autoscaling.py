"""The autoscaler of a Deployment, on any cluster, with or without an operator."""

from typing import Any

from localmodel.resource.spec import Autoscaling

Object = dict[str, Any]

API_VERSION, KIND = "autoscaling/v2", "HorizontalPodAutoscaler"
_IN_FLIGHT = "localmodel_requests_in_flight"  # of the server's metrics


def autoscaler_spec(deployment: str, wanted: Autoscaling) -> Object:
    """The spec of a HorizontalPodAutoscaler for the Deployment of this name."""
    return {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment},
        "minReplicas": wanted.min,
        "maxReplicas": wanted.max,
        "metrics": [_metric(wanted)],
    }


def _metric(wanted: Autoscaling) -> Object:
    if wanted.cpu is not None:
        target: Object = {"type": "Utilization", "averageUtilization": wanted.cpu}
        return {"type": "Resource", "resource": {"name": "cpu", "target": target}}
    target = {"type": "AverageValue", "averageValue": _quantity(wanted.inflight)}
    return {"type": "Pods", "pods": {"metric": {"name": _IN_FLIGHT}, "target": target}}


def _quantity(number: int | None) -> str:
    """The number as the API server writes it, so that what it has is what is wanted."""
    thousands, rest = divmod(number or 0, 1000)
    return str(number) if rest else f"{thousands}k"
