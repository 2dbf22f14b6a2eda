"""Giving a revision up: what its worker says of an error is joined to what the operator knows."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from support.operator.operator_given import recorded

from localmodel.resource.spec import DeploymentSpec, Source
from localmodel_operator.passes.context import Pass, Waiting
from localmodel_operator.passes.give_up import give_up
from localmodel_operator.passes.observed import Observed
from localmodel_operator.records.history import Choice


def test_a_module_that_an_earlier_revision_had_is_told_with_its_revision() -> None:
    owner = {"metadata": {"name": "digits", "namespace": "team"}}
    context = Pass(cast(Any, None), owner, DeploymentSpec("score.py", Source(config_map="code")))
    before, target = replace(recorded(1), facts=cast(Any, SimpleNamespace(files={"helper.py": ""}))), recorded(2)
    observed = Observed(None, None, [], False, [], [before, target], (), 3, None, None, ())
    said = "score.py:1: ModuleNotFoundError: No module named 'helper'; add it to the environment's requirements"
    with pytest.raises(Waiting):
        asyncio.run(give_up(context, Choice(target), observed, "InitFailed", said))
    assert context.status.message.endswith("No module named 'helper'; helper.py was in revision 1's folder")
