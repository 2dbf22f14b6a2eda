"""The operator in the cluster has rights where it serves, and asks for nothing elsewhere."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from support.operator.overlay_rights import FORBIDDEN, NEEDED, Asked, overlay, rights

from localmodel.cluster_records import names
from localmodel_operator import sweep
from localmodel_operator.cluster import RefusedError
from localmodel_operator.operator import Operator
from localmodel_operator.records import keys

Object = dict[str, Any]


def _may(asked: Asked) -> bool:
    resource, _, below = asked.resource.partition("/")
    plural, _, group = resource.partition(".")
    for role in rights():
        if role["kind"] == "Role" and role["metadata"]["namespace"] != asked.namespace:
            continue
        for rule in role.get("rules", ()):
            names_of_it = rule.get("resourceNames", [asked.name])
            whole = f"{plural}/{below}" if below else plural
            fits = group in rule["apiGroups"] and whole in rule["resources"] and asked.verb in rule["verbs"]
            if fits and asked.name in names_of_it:
                return True
    return False


def test_the_overlay_grants_what_is_asked_and_no_more() -> None:
    assert [asked for asked in NEEDED if not _may(asked)] == []
    assert [asked for asked in FORBIDDEN if _may(asked)] == []


def test_every_role_is_bound_to_the_operator_and_to_nobody_else() -> None:
    kinds = {"ClusterRole": "ClusterRoleBinding", "Role": "RoleBinding"}
    places = {(kind, each["metadata"].get("namespace")) for kind in kinds for each in rights() if each["kind"] == kind}
    bound = [each for each in rights() if each["kind"].endswith("Binding")]
    assert {(each["roleRef"]["kind"], each["metadata"].get("namespace")) for each in bound} == places
    account = {"kind": "ServiceAccount", "name": "localmodel-operator", "namespace": "localmodel-system"}
    assert all(each["subjects"] == [account] for each in bound)


class Cluster:
    """Resources in two namespaces, of which `allowed` may be read with their children."""

    def __init__(self, *allowed: str) -> None:
        self.allowed = allowed

    async def list(self, kind: Any, namespace: str | None = None, labels: str = "") -> list[Object]:
        if namespace not in self.allowed and kind is not sweep.LMD:
            raise RefusedError(403, f"{kind.plural} in {namespace}")
        found = [{"metadata": {"namespace": each, "name": "m", "uid": f"uid-{each}"}} for each in ("mine", "theirs")]
        return (
            [each for each in found if namespace in (None, each["metadata"]["namespace"])] if kind is sweep.LMD else []
        )


def test_a_sweep_asks_where_the_operator_serves_and_leaves_the_images_of_others() -> None:
    site = cast(Operator, SimpleNamespace(cluster=Cluster("mine"), namespaces=("mine",)))
    assert asyncio.run(sweep._look(site, ())).images == ()
    assert asyncio.run(sweep._of_others(site)) == (names.repository("uid-theirs") + "@",)
    everywhere = cast(Operator, SimpleNamespace(cluster=Cluster(cast(str, None)), namespaces=()))
    assert asyncio.run(sweep._look(everywhere, ())).images == ()
    assert asyncio.run(sweep._of_others(everywhere)) == ()


class Secrets:
    """One Secret, that may be filled in but not made."""

    def __init__(self, secret: Object | None) -> None:
        self.secret = secret

    async def get(self, *_: Any) -> Object | None:
        return self.secret

    async def create(self, *_: Any) -> Object:
        raise RefusedError(403, "secrets is forbidden")

    async def replace(self, _: Any, body: Object) -> Object:
        self.secret = body
        return body


def test_the_empty_key_of_the_overlay_is_filled_in_once() -> None:
    (empty,) = overlay("Secret")
    cluster: Any = Secrets(empty)
    made = keys.Signer(asyncio.run(keys.signing_key(cluster))).public_key
    assert cluster.secret["metadata"] == empty["metadata"]
    assert keys.Signer(asyncio.run(keys.signing_key(cluster))).public_key == made
    with pytest.raises(RefusedError):
        asyncio.run(keys.signing_key(cast(Any, Secrets(None))))
