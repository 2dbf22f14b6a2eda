"""Argo CD's health check, run on statuses of a real cluster the way Argo CD runs it: Lua 5.1, global `obj`."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from lupa import lua51

FOLDER = Path(__file__).parents[3] / "manifests/gitops/argocd/localmodel.dev/LocalModelDeployment"
TESTS = yaml.safe_load((FOLDER / "health_test.yaml").read_text())["tests"]


def health(resource: dict[str, Any]) -> dict[str, str]:
    lua = lua51.LuaRuntime()
    lua.globals().obj = lua.table_from(resource, recursive=True)
    return dict(lua.execute((FOLDER / "health.lua").read_text()))


def read(path: str) -> dict[str, Any]:
    resource: dict[str, Any] = yaml.safe_load((FOLDER / path).read_text())
    return resource


@pytest.mark.parametrize("test", TESTS, ids=lambda test: test["inputPath"])
def test_health(test: dict[str, Any]) -> None:
    assert health(read(test["inputPath"])) == test["healthStatus"]


def test_every_status_is_asked_for() -> None:
    assert {test["inputPath"] for test in TESTS} == {f"testdata/{path.name}" for path in FOLDER.glob("testdata/*")}


def test_a_resource_without_status_is_progressing() -> None:
    resource = read("testdata/healthy.yaml")
    del resource["status"]
    assert health(resource)["status"] == "Progressing"
