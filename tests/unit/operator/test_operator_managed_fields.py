"""What others write into the Deployment: found by who owns which field, put back where it would run, and told."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from localmodel.cluster_records import names
from localmodel.resource.spec import DeploymentSpec, Source
from localmodel_operator import children, managed_fields
from localmodel_operator.cluster import EVENT, RefusedError
from localmodel_operator.managed_fields import ForeignFields
from localmodel_operator.passes import roll_out
from localmodel_operator.passes.context import Pass, Waiting
from localmodel_operator.status import conditions, events

Object = dict[str, Any]
OURS = {
    ".": {},
    "f:env": {'k:{"name":"A"}': {".": {}, "f:name": {}, "f:value": {}}},
    "f:image": {},
    "f:name": {},
    "f:resources": {},
}


def entry(manager: str, container: Object, spec: Object | None = None, **more: Any) -> Object:
    inside = {"f:template": {"f:spec": {"f:containers": {'k:{"name":"scoring"}': container}}}} if container else {}
    return {"manager": manager, "operation": "Update", "fieldsV1": {"f:spec": {**inside, **(spec or {})}}, **more}


def deployment(*entries: Object) -> Object:
    own = entry(names.FIELD_MANAGER, OURS, {"f:replicas": {}}, operation="Apply")
    return {"metadata": {"name": "digits", "managedFields": [own, *entries]}}


VARIABLE = entry(
    "kubectl-set",
    {"f:env": {'k:{"name":"A"}': {"f:value": {}}, 'k:{"name":"HACK"}': {".": {}, "f:name": {}, "f:value": {}}}},
)
COMMAND = entry("kubectl-patch", {"f:command": {}, "f:envFrom": {}, "f:securityContext": {".": {}, "f:runAsUser": {}}})
SAME = entry("kubectl-edit", {"f:image": {}, "f:env": {'k:{"name":"A"}': {"f:value": {}}}})
SIDECAR = {
    "manager": "injector",
    "fieldsV1": {
        "f:metadata": {"f:annotations": {"f:mesh": {}}},
        "f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"proxy"}': {"f:image": {}}}}}},
    },
}
AUTOSCALER = entry("kube-controller-manager", {}, {"f:replicas": {}}, subresource="scale")
STATUS = {"manager": "kube-controller-manager", "fieldsV1": {"f:status": {"f:replicas": {}}}, "subresource": "status"}


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ((VARIABLE,), ("env HACK",)),
        ((COMMAND, VARIABLE), ("command", "env HACK", "envFrom", "securityContext")),
        ((SAME, SIDECAR, STATUS), ()),
        (({"manager": "nothing"},), ()),
    ],
)
def test_what_others_have_set_of_our_container_is_found(entries: tuple[Object, ...], found: tuple[str, ...]) -> None:
    assert managed_fields.read(deployment(*entries)) == ForeignFields(found)


def test_a_value_of_ours_that_another_has_changed_is_theirs_until_we_apply_again() -> None:
    taken = deployment(entry("kubectl-set", {"f:image": {}}))
    del taken["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"][
        'k:{"name":"scoring"}'
    ]["f:image"]
    assert managed_fields.read(taken).container == ("image",)


def scaled(by: Object) -> Object:
    found = deployment(by)
    del found["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:replicas"]
    return found


def test_who_scales_the_deployment_is_told_what_to_scale() -> None:
    ((reason, message),) = managed_fields.news("digits", managed_fields.read(scaled(AUTOSCALER)))
    assert reason == "ScaledByOthers" and "kind LocalModelDeployment, name digits" in message
    ((reason, message),) = managed_fields.news(
        "digits", managed_fields.read(scaled({**AUTOSCALER, "manager": "kubectl"}))
    )
    assert reason == "PutBack" and "scaled by kubectl" in message
    assert list(managed_fields.news("digits", ForeignFields())) == []


class Cluster:
    """Has a Deployment that is `written` in by others, and takes what is put back unless it has `changed`.

    `steps` are the writes of the status, as whether it was Durable, and "put back".
    """

    def __init__(self, written: Object, changed: bool = False) -> None:
        self.written, self.changed = written, changed
        self.put: Object | None = None
        self.events: list[Object] = []
        self.steps: list[Any] = []

    async def apply(self, body: Object, *, force: bool = True) -> Object:
        return {**body, "metadata": {**body["metadata"], **self.written["metadata"], "resourceVersion": "7"}}

    async def put_back(self, found: Object, container: Object) -> Object:
        if self.changed:
            raise RefusedError(409, "the object has been modified")
        self.put = container
        self.steps.append("put back")
        return found

    async def apply_status(self, owner: Object, status: Object) -> Object:
        self.steps.append(conditions.holds(status, "Durable"))
        return {"status": status}

    async def create(self, kind: Any, namespace: str, body: Object) -> Object:
        assert kind is EVENT
        self.events.append(body)
        return body


def case(cluster: Cluster) -> Pass:
    metadata = {"name": "digits", "namespace": "team", "uid": "u", "resourceVersion": "1", "generation": 1}
    owner = {"apiVersion": "localmodel.dev/v1alpha1", "kind": "LocalModelDeployment", "metadata": metadata}
    spec = DeploymentSpec("score.py", Source(config_map="code"))
    return Pass(cast(Any, SimpleNamespace(cluster=cluster)), owner, spec)


def applied(cluster: Cluster, *told: str, was_durable: bool = False) -> None:
    given = case(cluster)
    given.owner["status"] = {"conditions": [{"type": "Durable", "status": "True"}] if was_durable else []}
    target = cast(Any, SimpleNamespace(number=3))
    template = {"metadata": {"labels": {}}, "spec": {"containers": [{"name": "scoring", "env": [{"name": "A"}]}]}}
    asyncio.run(roll_out._apply(given, target, children.deployment(given.owner, given.spec, template), told))


def test_what_would_run_and_is_no_part_of_the_revision_is_put_back() -> None:
    touched, untouched = Cluster(deployment(VARIABLE)), Cluster(deployment(SIDECAR))
    applied(touched)
    applied(untouched)
    assert touched.put == {"name": "scoring", "env": [{"name": "A"}], "resources": {}}
    assert untouched.put is None and untouched.events == []
    applied(touched, "env HACK")
    assert ["env HACK" in event["message"] for event in touched.events] == [True], "set since the pass has looked"


def test_pods_of_another_template_are_told_before_it_is_put_back() -> None:
    touched, untouched = Cluster(deployment(VARIABLE)), Cluster(deployment(SIDECAR))
    applied(touched, was_durable=True)
    applied(untouched, was_durable=True)
    assert (touched.steps, untouched.steps) == ([False, "put back"], [])


def test_a_deployment_that_changes_meanwhile_is_looked_at_again() -> None:
    with pytest.raises(Waiting):
        applied(Cluster(deployment(VARIABLE), changed=True))


def test_an_event_says_it_once_and_counts() -> None:
    cluster = Cluster({})
    asyncio.run(roll_out._report_foreign(case(cluster), managed_fields.read(deployment(VARIABLE))))
    (told,) = cluster.events
    assert (told["type"], told["reason"]) == ("Warning", "PutBack") and "env HACK" in told["message"]
    again = events.warning(case(cluster).owner, told["reason"], told["message"])
    assert again["metadata"]["name"] == told["metadata"]["name"]
