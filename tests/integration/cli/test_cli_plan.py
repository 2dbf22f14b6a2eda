"""lmd plan: what lmd apply is about to do, and nothing done."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.lmd_command import Lmd, free_port, script


def plan(lmd: Lmd, code: str, **spec: Any) -> dict[str, Any]:
    result = lmd("plan", lmd.manifest(code, **spec), "-o", "json")
    assert result.code == 0, result.err
    found: list[dict[str, Any]] = json.loads(result.out)
    return found[0]


def content(folder: Path) -> Mapping[str, bytes]:
    """Every file of the deployments but logs."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".log")
    return {str(path): path.read_bytes() for path in files}


def test_a_plan_is_what_apply_does_and_changes_nothing(lmd: Lmd) -> None:
    first = plan(lmd, script("1"))
    assert (first["lane"], first["reason"]) == ("rebuild", "there is no revision yet")
    assert not (lmd.home / "deployments").exists()
    lmd.apply(script("1"))
    before, pid = content(lmd.home / "deployments"), lmd.pid()
    assert plan(lmd, script("1")) == {"name": "digits", "lane": "nothing", "steps": [], "reason": "nothing has changed"}
    edited = plan(lmd, script("2"), env=[{"name": "LEVEL", "value": "1"}])
    assert (edited["lane"], edited["reason"]) == ("swap", "spec.scoring changed: score.py; spec.env changed: LEVEL")
    assert edited["steps"][0] == "workers of the new revision are made beside those that serve"
    assert content(lmd.home / "deployments") == before and lmd.pid() == pid and lmd.ask() == (200, 1, 1)
    said = lmd.apply(script("2"), env=[{"name": "LEVEL", "value": "1"}]).err
    assert "plan: swap: spec.scoring changed: score.py; spec.env changed: LEVEL" in said


@pytest.mark.parametrize(
    ("spec", "lane", "reason"),
    [
        ({"replicas": 3}, "nothing", "nothing has changed"),
        ({"suspend": True}, "nothing", "spec.suspend is true"),
        ({"update": {"strategy": "Roll", "progressDeadlineSeconds": 20}}, "nothing", "nothing has changed"),
        ({"server": {"workers": 2}}, "swap", "spec.server changed: workers"),
        ({"update": {"gate": {"requests": [{"expect": {"json": 1}}]}}}, "swap", "spec.update.gate changed"),
        ({"service": {"localPort": free_port()}}, "roll", "spec.service.localPort changed"),
    ],
)
def test_each_way_is_foretold(lmd: Lmd, spec: dict[str, Any], lane: str, reason: str) -> None:
    lmd.apply(script("1"))
    found = plan(lmd, script("1"), **spec)
    assert found["lane"] == lane and reason in found["reason"]


def test_the_text_has_the_steps_in_order(lmd: Lmd) -> None:
    result = lmd("plan", "-f", lmd.manifest(script("1")))
    assert result.out == (
        "digits: rebuild: there is no revision yet\n"
        "  1. the environment is built, unless it is there\n"
        f"  2. a server is started at port {lmd.port}\n"
    )


def test_what_cannot_be_applied_cannot_be_planned(lmd: Lmd) -> None:
    wrong = lmd("plan", lmd.manifest(script("1"), models=[{"name": "nosuch", "version": 1}]))
    assert wrong.code == 1 and "spec.models[0]" in wrong.err
    (lmd.folder / "score.py").write_text("def init(): pass\n")
    lacking = lmd("plan", lmd.folder / "score.py")
    assert lacking.code == 1 and "score.py: no function run(raw_data)" in lacking.err
    assert lmd("plan").code == 2
