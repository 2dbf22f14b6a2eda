"""The metrics of a deployment's pods, from a kubectl that answers from a table."""

import json
from typing import Any, cast

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.targets.kind import pod_metrics
from localmodel.targets.kind.kubectl import Kubectl


class Table:
    """A Kubectl with two pods, of which the second does not answer."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def run(self, *arguments: str) -> str:
        self.asked.append(" ".join(arguments))
        if arguments[1] == "pods":
            return json.dumps({"kind": "PodList", "items": [pod("a"), pod("b")]})
        if "/b:" in arguments[2]:
            raise UserError(reasons.KUBECTL_FAILED, "no endpoints available")
        return "metrics of a"


def pod(name: str) -> dict[str, Any]:
    ports = [{"name": "admin", "containerPort": 5002}, {"name": "http", "containerPort": 5001}]
    return {"metadata": {"name": name}, "spec": {"containers": [{"ports": ports}]}}


def resource(**status: str) -> dict[str, Any]:
    return {"metadata": {"name": "churn", "namespace": "mine"}, "status": status}


def test_each_pod_is_asked_at_its_scoring_port_and_one_that_is_silent_is_left_out() -> None:
    kubectl = Table()
    assert pod_metrics.of(cast(Kubectl, kubectl), resource(selector="app=churn")) == ["metrics of a"]
    assert kubectl.asked[0] == "get pods --selector=app=churn --namespace mine -o json"
    assert kubectl.asked[1].startswith("get --raw /api/v1/namespaces/mine/pods/a:5001/proxy/metrics ")


def test_without_pods_nobody_is_asked() -> None:
    kubectl = Table()
    assert pod_metrics.of(cast(Kubectl, kubectl), resource()) == [] and kubectl.asked == []
