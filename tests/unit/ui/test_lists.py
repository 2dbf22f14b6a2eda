"""A list of many deployments is shown a part at a time."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, cast

import pytest
from starlette.requests import Request

from localmodel.targets.target import DeploymentStatus, Target
from localmodel.ui.deployments import Deployments
from localmodel.ui.pages import Pages


class Many:
    """A target with 120 deployments."""

    name = "process"

    def deployments(self, choose: Callable[[list[str]], list[str]]) -> list[DeploymentStatus]:
        names = choose([f"model-{number:03}" for number in range(120)])
        assert len(names) <= 50, "no more are looked at"
        return [DeploymentStatus(name, True, 1, "", "") for name in names]


def shown(query: str) -> tuple[list[str], str]:
    """The names in the list, and all of the page."""
    deployments = Deployments(cast(Target, Many()), Pages("process", False), lambda target, name: str)
    scope: dict[str, Any] = {"type": "http", "query_string": query.encode(), "headers": []}
    text = bytes(deployments.table(Request(scope)).body).decode()
    return re.findall(r'id="to-(model-\d+)"', text), text


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", range(50)),
        ("page=2", range(50, 100)),
        ("page=3", range(100, 120)),
        ("q=-01", range(10, 20)),
        ("q=MODEL-1&page=1", range(100, 120)),
        ("q=nothing", ()),
        ("page=4", ()),
        ("page=-1", range(50)),
    ],
)
def test_a_part_of_the_list_has_those_that_were_asked_for(query: str, names: Any) -> None:
    assert shown(query)[0] == [f"model-{number:03}" for number in names]


def test_the_next_part_is_of_the_same_search() -> None:
    text = shown("q=model&page=2")[1]
    assert 'href="?page=1&amp;q=model"' in text and 'href="?page=3&amp;q=model"' in text
    assert "51 to 100 of 120" in text
    assert "No deployment matches" in shown("q=nothing")[1] and "lmd apply PATH" not in shown("q=nothing")[1]
