"""The folder in which an IDE finds the source of a deployment that is debugged."""

from pathlib import Path
from typing import Any, cast

import click
import pytest

from localmodel.cli.deployment.debug import debug, source_folder
from localmodel.resource import annotations
from localmodel.resource.manifest import Manifests
from localmodel.targets.target import Target


class Applied:
    """A target with one deployment, which was applied from this path."""

    name = "process"

    def __init__(self, source: str) -> None:
        self._source = source

    def manifests(self, name: str) -> Manifests:
        metadata: dict[str, Any] = {"name": name, "annotations": {annotations.SOURCE: self._source}}
        return Manifests({"metadata": metadata, "spec": {}}, {})


def test_it_is_the_one_that_was_applied_and_else_the_current_one(tmp_path: Path) -> None:
    script = tmp_path / "score.py"
    script.touch()
    with click.Context(debug):
        for source in (tmp_path, script):
            assert source_folder(cast(Target, Applied(str(source))), "churn") == tmp_path
        for source in (tmp_path / "gone", ""):
            assert source_folder(cast(Target, Applied(str(source))), "churn") == Path()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALMODEL_HOME", str(tmp_path / "home"))
