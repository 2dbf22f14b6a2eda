"""Whatever the CRD demands is demanded without an API server, too; tests/e2e holds a real one to the same manifests."""

import pytest
from support import crd_examples

from localmodel.errors import UserError
from localmodel.resource import rules, schema


def test_every_rule_has_its_counterpart_and_an_example() -> None:
    messages = crd_examples.demands()
    assert set(rules.COUNTERPARTS) == messages
    assert {each.demand for each in crd_examples.bad() if each.demand.startswith("rule: ")} == {
        f"rule: {message}" for message in messages
    }


@pytest.mark.parametrize("index", range(len(crd_examples.good())))
def test_what_is_allowed_is_allowed(index: int) -> None:
    schema.validate(crd_examples.good()[index])


@pytest.mark.parametrize("example", crd_examples.bad(), ids=str)
def test_what_is_not_allowed_is_told_once_with_its_place(example: crd_examples.Example) -> None:
    with pytest.raises(UserError) as caught:
        schema.validate(example.manifest)
    lines = str(caught.value).splitlines()
    assert caught.value.reason == "InvalidManifest"
    assert len(lines) == len(set(lines))
    told = [line.partition(": ")[0] for line in lines]
    nearest = schema.text(example.place[:2])
    assert any(place.startswith(nearest) or nearest.startswith(place) for place in told), lines


def test_everything_wrong_is_told_at_once_whatever_kind_it_is() -> None:
    manifest = crd_examples.good()[0]
    manifest["spec"]["replicas"] = "two"
    manifest["spec"]["env"][1]["valueFrom"] = {}
    manifest["spec"]["models"] *= 2
    with pytest.raises(UserError) as caught:
        schema.validate(manifest)
    assert str(caught.value).splitlines() == [
        "spec.env[1].valueFrom: exactly one of configMapKeyRef and secretKeyRef",
        "spec.models[1]: name 'iris' is there twice",
        "spec.replicas: 'two' is not of type 'integer'",
    ]
