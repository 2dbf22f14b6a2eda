"""What a type checker and an import see of the SDK."""

import subprocess
import sys
from pathlib import Path

import pytest
from mypy import api

import localmodel

HEAVY = ("numpy", "pandas", "httpx", "click", "yaml", "rich", "docker", "kubernetes", "asyncio", "logging")


def test_a_program_is_checked_strictly_and_wrong_calls_are_found() -> None:
    program = Path(__file__).with_name("sdk_program.py")
    root = program.parents[3]
    options = ["--strict", "--warn-unused-ignores", "--config-file", str(root / "pyproject.toml")]
    said, errors, code = api.run([*options, str(program)])
    assert code == 0, said + errors


@pytest.mark.parametrize("name", localmodel.__all__)
def test_every_public_name_is_there_and_explained(name: str) -> None:
    assert name == "DeploymentState" or getattr(localmodel, name).__doc__  # Literal has no room for words
    assert name in dir(localmodel)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nosuch'"):
        _ = localmodel.nosuch  # type: ignore[attr-defined]


def imported_by(code: str) -> set[str]:
    command = [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_importing_the_package_imports_nothing_that_takes_long() -> None:
    assert not imported_by("import localmodel") & {*HEAVY}


def test_the_sdk_needs_neither_numpy_nor_what_only_some_targets_need() -> None:
    modules = imported_by("from localmodel import Client, Deployment, ScoringError\nClient()")
    assert not modules & {"numpy", "pandas", "httpx", "docker", "kubernetes", "click"}
