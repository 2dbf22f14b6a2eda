"""What the pods of a deployment have captured, from a kubectl that answers from a table."""

import json
from typing import Any, cast

import pytest
from support.captured import captured_line

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.targets.kind import pod_captures
from localmodel.targets.kind.kubectl import Kubectl


class Table:
    """A Kubectl with a pod for each text, of which None does not answer."""

    def __init__(self, **pods: str | None) -> None:
        self.pods = pods
        self.asked: list[tuple[str, ...]] = []

    def run(self, *arguments: str) -> str:
        self.asked.append(arguments)
        if arguments[1] == "pods":
            return json.dumps({"kind": "PodList", "items": [{"metadata": {"name": name}} for name in self.pods]})
        text = self.pods[arguments[1]]
        if text is None:
            raise UserError(reasons.KUBECTL_FAILED, f"kubectl exec: {arguments[1]} is ending")
        return text


def line(second: int) -> str:
    return captured_line(id="ü", time=f"2026-01-01T00:00:0{second}.000000+00:00").decode()


def last(kubectl: Table, count: int, **status: str) -> list[str]:
    resource: dict[str, Any] = {"metadata": {"name": "churn", "namespace": "mine"}, "status": status}
    return [request._line.decode() for request in pod_captures.last(cast(Kubectl, kubectl), resource, count)]


def test_the_last_of_all_pods_are_in_the_order_of_their_times() -> None:
    kubectl = Table(a=line(1) + line(4), b=None, c=line(2) + line(3))
    assert last(kubectl, 3, selector="app=churn") == [line(2), line(3), line(4)]
    command = kubectl.asked[1]
    assert command[:5] == ("exec", "a", "--namespace", "mine", "--container=scoring")
    assert command[-3:] == ("/tmp/localmodel-capture", "3", "")


def test_what_a_pod_says_that_is_not_a_request_is_left_out() -> None:
    assert last(Table(a="{}\n" + line(1) + "[]\n"), 3, selector="app=churn") == [line(1)]


def test_a_pod_without_requests_has_none() -> None:
    assert last(Table(a=""), 3, selector="app=churn") == []


def test_without_pods_nobody_is_asked() -> None:
    kubectl = Table()
    assert last(kubectl, 3) == [] and kubectl.asked == []


def test_where_no_pod_can_be_read_the_reason_is_told() -> None:
    with pytest.raises(UserError, match="a is ending"):
        last(Table(a=None, b=None), 3, selector="app=churn")
