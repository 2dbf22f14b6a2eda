"""Argo CD's health check, run on statuses of a real cluster the way Argo CD runs it: Lua 5.1, global `obj`."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from lupa import lua51

from localmodel import reasons
from localmodel.reasons.table import NEITHER, STALLED, TABLES, UNDER_WAY, Row
from localmodel_operator.status.builder import StatusBuilder

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


def shown(builder: StatusBuilder, generation: int = 3) -> dict[str, str]:
    """The health of a resource of generation 3 whose status a pass has written for this generation."""
    before = {"conditions": read("testdata/degraded.yaml")["status"]["conditions"]}
    status = builder.build(generation, before, "2026-01-01T00:00:00Z")
    return health({"metadata": {"generation": 3}, "spec": {}, "status": status})


@pytest.mark.parametrize("row", TABLES[UNDER_WAY], ids=lambda row: row.reason)
def test_work_under_way_is_progressing_unless_it_waits_for_a_person(row: Row) -> None:
    builder = StatusBuilder()
    builder.progress(row.reason, "words")
    word = "Suspended" if row.reason == reasons.AWAITING_PROMOTION else "Progressing"
    assert shown(builder) == {"status": word, "message": "words"}
    assert shown(builder, generation=2)["status"] == "Progressing", "of the generation before"


@pytest.mark.parametrize("row", TABLES[STALLED], ids=lambda row: row.reason)
def test_what_has_to_change_is_degraded(row: Row) -> None:
    builder = StatusBuilder()
    builder.fail(row.reason, "words")
    assert shown(builder) == {"status": "Degraded", "message": "words"}
    assert shown(builder, generation=2)["status"] == "Progressing", "of the generation before"


@pytest.mark.parametrize("row", TABLES[NEITHER], ids=lambda row: row.reason)
def test_what_serves_is_healthy_unless_it_is_suspended(row: Row) -> None:
    builder = StatusBuilder()
    if row.reason == reasons.SUSPENDED:
        builder.pause("words")
    else:
        builder.succeed(row.reason, "words")
    word = "Suspended" if row.reason == reasons.SUSPENDED else "Healthy"
    assert shown(builder) == {"status": word, "message": "words"}
    assert shown(builder, generation=2)["status"] == "Progressing", "of the generation before"
