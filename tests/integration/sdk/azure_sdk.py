"""A workspace for tests of the mirrored SDK."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.lmd_command import free_port, script

from localmodel.azure.core import Environment, Model, Workspace
from localmodel.azure.core.conda_dependencies import CondaDependencies
from localmodel.azure.core.model import InferenceConfig
from localmodel.azure.core.webservice import LocalWebservice

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(name="ws")
def workspace(tmp_path: Path, environments: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace of its own, in a folder with score.py and model.txt; what was deployed is deleted afterwards."""
    home, folder = tmp_path / "home", tmp_path / "folder"
    home.mkdir()
    folder.mkdir()
    (home / "environments").symlink_to(environments)
    monkeypatch.setenv("LOCALMODEL_HOME", str(home))
    monkeypatch.delenv("LOCALMODEL_TARGET", raising=False)
    monkeypatch.chdir(folder)
    Path("score.py").write_text(script('{"got": json.loads(raw_data)}'))
    Path("model.txt").write_text("one")
    workspace = Workspace.from_config()
    yield workspace
    for service in LocalWebservice.list(workspace, all=True):
        service.delete()


def environment() -> Environment:
    """Python alone."""
    made = Environment("plain")
    made.python.conda_dependencies = CondaDependencies.create(python_version=PYTHON)
    return made


def deploy(ws: Workspace, *models: Model, source_directory: str | None = None) -> LocalWebservice:
    """Begin to deploy score.py as "digits"."""
    inference = InferenceConfig("score.py", environment=environment(), source_directory=source_directory)
    service = Model.deploy(ws, "digits", [*models], inference, LocalWebservice.deploy_configuration(port=free_port()))
    assert isinstance(service, LocalWebservice)
    return service
