"""What a plan for a cluster takes from the live resource."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support import given

from localmodel.resource import schema
from localmodel.resource.spec import DeploymentSpec
from localmodel.store.fetched import from_git
from localmodel.store.staged import StagedStore
from localmodel.targets.kind import plan
from localmodel.targets.kind.kubectl import Kubectl

URL = "https://git.example/team/churn.git"


class EmptyCluster(Kubectl):
    """A cluster without objects."""

    def run(self, *arguments: str, **_: Any) -> str:
        return json.dumps({"kind": "List", "items": []})


class Asked(Exception):
    """The commit, branch or tag that a repository is asked for."""


@pytest.mark.parametrize(("chosen_for", "ref"), [(3, "1" * 40), (2, "main"), (None, "main")])
def test_a_commit_counts_for_the_generation_it_was_chosen_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen_for: int | None, ref: str
) -> None:
    def ask(spec: DeploymentSpec, *_: object) -> DeploymentSpec:
        assert spec.source.git
        raise Asked(spec.source.git.ref)

    monkeypatch.setattr(from_git, "filled_in", ask)
    source = {"entryScript": "score.py", "source": {"git": {"url": URL, "ref": "main"}}}
    resource = given.lmd("app", 6789, source)
    schema.fill_in(resource, schema.resource_schema())
    resource["metadata"] |= {"namespace": "default", "uid": "u", "generation": 3}
    chosen = {"commit": "1" * 40, "version": 1} | ({"generation": chosen_for} if chosen_for else {})
    live = {**resource, "status": {"source": chosen}}
    with pytest.raises(Asked, match=ref):
        plan.plan_of(EmptyCluster(None, None), resource, live, [], StagedStore(tmp_path))
