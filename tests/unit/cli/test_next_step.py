"""The command that one types next."""

from pathlib import Path

import pytest

from localmodel.cli import body
from localmodel.cli.deployment import next_step
from localmodel.targets.target import DeploymentStatus

STATUS = DeploymentStatus("churn", True, 1, "http://localhost:1/score", "")


@pytest.fixture(autouse=True)
def schema(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    found: dict[str, object] = {}
    monkeypatch.setattr(body, "example", lambda url: found.get("example"))
    return found


def test_the_request_beside_what_was_applied_is_named(tmp_path: Path) -> None:
    (tmp_path / "request.json").write_text("{}")
    expected = f"lmd invoke churn --request {tmp_path / 'request.json'}"
    assert next_step.invoke(STATUS, "process", tmp_path) == expected
    assert next_step.invoke(STATUS, "process", tmp_path / "score.py") == expected


def test_else_the_schemas_example_on_the_target(tmp_path: Path, schema: dict[str, object]) -> None:
    schema["example"] = {"data": [[1, 2]]}
    assert (
        next_step.invoke(STATUS, "kind", tmp_path) == """lmd invoke churn --target kind --data '{"data": [[1, 2]]}'"""
    )


@pytest.mark.parametrize("example", [None, {}, {"data": [[0.5] * 100]}])
def test_else_a_file_of_the_users(tmp_path: Path, schema: dict[str, object], example: object) -> None:
    schema["example"] = example
    assert next_step.invoke(STATUS, "process", tmp_path) == "lmd invoke churn --request FILE"
