"""Which hosts and paths can be had beside those of others."""

from __future__ import annotations

from typing import Any

import pytest

from localmodel.errors import UserError
from localmodel_operator.inputs import routes

Object = dict[str, Any]
H = {"host": "ml.example"}


def asking(name: str, service: Object, made: int = 1, url: str = "") -> Object:
    namespace, plain = name.split("/")
    metadata = {"namespace": namespace, "name": plain, "creationTimestamp": f"2026-01-0{made}T00:00:00Z"}
    return {
        "metadata": metadata,
        "spec": {"service": {"expose": "Ingress"} | service},
        "status": {"url": url} if url else {},
    }


def refusal(own: Object, *others: Object) -> str:
    try:
        routes.check(own, [own, *others])
    except UserError as error:
        assert error.reason == "RouteTaken"
        return str(error)
    return ""


GATEWAY = {"expose": "Gateway", "gateway": {"name": "public", "namespace": "infra"}}


@pytest.mark.parametrize(
    ("theirs", "asked"),
    [
        (H, H),
        ({**H, "path": "/models/churn"}, {**H, "path": "/models/churn"}),
        ({**H, "path": "/models/churn"}, {**H, "path": "/models/churn/score"}),
        ({**H, "path": "/models/churn/score"}, {**H, "path": "/models/churn"}),
        (H, {**H, "path": "/models"}),
        ({"path": "/models"}, {**H, "path": "/models"}),
        ({**H, "path": "/models"}, {"path": "/models/churn"}),
        ({**H, "ingressClass": "nginx"}, H),
        (H, {**H, "ingressClass": "nginx"}),
        ({**GATEWAY, "path": "/models"}, {**GATEWAY, "path": "/models/churn"}),
        ({**GATEWAY, **H}, {**GATEWAY, "path": "/models"}),
    ],
)
def test_what_may_take_requests_of_another_namespace_is_refused(theirs: Object, asked: Object) -> None:
    assert refusal(asking("b/own", asked, 2), asking("a/theirs", theirs))


@pytest.mark.parametrize(
    ("theirs", "asked"),
    [
        (H, {"host": "other.example"}),
        ({**H, "path": "/models/churn"}, {**H, "path": "/models/churn2"}),
        ({**H, "path": "/models/churn2"}, {**H, "path": "/models/churn"}),
        ({**H, "path": "/models/a"}, {**H, "path": "/models/b"}),
        ({**H, "ingressClass": "nginx"}, {**H, "ingressClass": "traefik"}),
        (H, {**GATEWAY, **H}),
        ({**GATEWAY, **H}, {**GATEWAY, **H, "gateway": {"name": "public"}}),
        (H, {"expose": "None"}),
    ],
)
def test_what_takes_no_request_of_another_namespace_can_be_had(theirs: Object, asked: Object) -> None:
    assert not refusal(asking("b/own", asked, 2), asking("a/theirs", theirs))


def test_in_one_namespace_only_the_very_same_is_refused() -> None:
    theirs = asking("a/theirs", {**H, "path": "/models"})
    assert refusal(asking("a/own", {**H, "path": "/models"}, 2), theirs)
    assert refusal(asking("a/own", {**H, "path": "/models", "ingressClass": "nginx"}, 2), theirs)
    assert not refusal(asking("a/own", {**H, "path": "/models/churn"}, 2), theirs)
    assert not refusal(asking("a/own", H, 2), theirs)
    assert not refusal(asking("a/own", {"path": "/models"}, 2), theirs)


def test_who_has_the_address_keeps_it_and_else_who_is_older_gets_it() -> None:
    above, below = {**H, "path": "/models"}, {**H, "path": "/models/churn"}
    assert not refusal(asking("b/own", above, 1), asking("a/theirs", below, 2))
    assert refusal(asking("b/own", above, 1), asking("a/theirs", below, 2, "http://ml.example/models/churn/score"))
    assert not refusal(asking("b/own", above, 2, "http://ml.example/models/score"), asking("a/theirs", below, 1))


def test_an_address_of_before_is_not_the_one_that_is_asked_for() -> None:
    older = asking("b/own", {}, 1)
    assert not refusal(older, asking("a/theirs", {}, 2, "http://localhost:6789/score"))
    assert not refusal(older, asking("a/theirs", {}, 2, "http://theirs.a.svc/score"))
    assert refusal(older, asking("a/theirs", {}, 2, "http://203.0.113.7/score"))
    assert refusal(older, asking("a/theirs", {}, 2, "http://localhost/score")), "a controller's own name"


def test_one_that_is_refused_itself_keeps_nobody_from_an_address() -> None:
    first = asking("a/first", {**H, "path": "/models"}, 1)
    greedy = asking("b/greedy", {}, 2)
    assert refusal(greedy, first)
    assert not refusal(asking("c/own", {"host": "other.example"}, 3), first, greedy)
    assert refusal(asking("c/own", {"host": "other.example"}, 3), greedy)


def test_a_refusal_says_who_has_what_and_what_to_choose() -> None:
    theirs = asking("a/theirs", {**H, "path": "/models", "ingressClass": "nginx"})
    assert refusal(asking("b/own", {"path": "/models/churn"}, 2), theirs) == (
        "spec.service: LocalModelDeployment a/theirs has ml.example with the path /models, which overlaps with any "
        "host with the path /models/churn; choose another path or host, or an ingressClass for both"
    )
