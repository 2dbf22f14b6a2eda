"""Variables from ConfigMaps and Secrets: what pods get, and what makes another revision."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from localmodel.errors import UserError
from localmodel.resource.spec import KeyRef, Variable
from localmodel_operator.cluster import Cluster, Kind
from localmodel_operator.inputs import resolve

OBJECT = {"metadata": {"uid": "u", "resourceVersion": "7"}, "data": {"key": "value"}}


class _Cluster:
    def __init__(self, found: Any) -> None:
        self.found = found

    async def get(self, kind: Kind, namespace: str, name: str) -> Any:
        return self.found


def resolved(kind: str, found: Any, optional: bool) -> tuple[Variable, list[str]] | None:
    variable = Variable("A", value_from=KeyRef(kind, "name", "key", optional))
    return asyncio.run(resolve._variable(cast(Cluster, _Cluster(found)), "team", 0, variable))


@pytest.mark.parametrize("found", [None, {**OBJECT, "data": {}}], ids=["no object", "no key"])
@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_what_is_missing_is_an_error_unless_it_is_optional(kind: str, found: Any) -> None:
    with pytest.raises(UserError, match=rf"spec.env\[0\]: {kind} name ") as caught:
        resolved(kind, found, False)
    assert caught.value.reason == "VariableSourceMissing"
    resolved(kind, found, True)


def test_an_optional_variable_of_a_config_map_is_left_out_or_is_like_any_other() -> None:
    assert resolved("ConfigMap", None, True) is None
    assert (
        resolved("ConfigMap", OBJECT, True)
        == resolved("ConfigMap", OBJECT, False)
        == (
            Variable("A", "value"),
            ["A", "value"],
        )
    )


def test_an_optional_variable_of_a_secret_is_the_kubelets_and_pods_follow_the_secret() -> None:
    told = []
    for found, optional in ((OBJECT, False), (OBJECT, True), (None, True)):
        made = resolved("Secret", found, optional)
        assert made is not None
        assert made[0].value_from == KeyRef("Secret", "name", "key", optional)
        told.append(made[1])
    assert told[0] == ["A", "Secret", "name", "key", "u", "7"]
    assert told[0] != told[1] != told[2] != told[0]
    assert "value" not in str(told)
