"""Deployment files against Azure ML's own library: it loads what we write, and we import what it writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from clients import run_client

from localmodel.cli.tools.export import export
from localmodel.cli.tools.import_ import import_
from localmodel.disk.home import store
from localmodel.resource import manifest
from localmodel.resource.spec import EnvironmentSpec
from localmodel.store import Store

SCRIPT = "def init():\n    pass\n\n\ndef run(raw_data):\n    return []\n"
KINDS = ("managed", "kubernetes")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in the test's folder, with a store of its own that has a model."""
    monkeypatch.setenv("LOCALMODEL_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Path("model.pkl").write_text("weights")
    Store(store()).models.register("iris", Path("model.pkl"))


def written(**spec: Any) -> Path:
    """A manifest that says everything that Azure ML can say."""
    content = {
        "apiVersion": "localmodel.dev/v1alpha1",
        "kind": "LocalModelDeployment",
        "metadata": {"name": "iris", "labels": {"team": "garden"}},
        "spec": {
            "models": [{"name": "iris", "version": 1}],
            "scoring": {"entryScript": "score.py", "source": {"inline": {"score.py": SCRIPT}}},
            "environment": {"python": "3.12", "requirements": ["numpy==2.4.6"]},
            "env": [{"name": "GREETING", "value": "hello"}],
            "server": {"workers": 3, "scoringTimeoutSeconds": 30},
            "update": {"progressDeadlineSeconds": 600},
            "replicas": 2,
            "resources": {"limits": {"cpu": "2", "memory": "1Gi", "nvidia.com/gpu": "1"}},
            **spec,
        },
    }
    path = Path("iris.yaml")
    path.write_text(yaml.safe_dump(content))
    return path


def exported(kind: str, *arguments: str, **spec: Any) -> Any:
    """What the library makes of an export."""
    result = CliRunner().invoke(
        export, ["azureml", "-f", str(written(**spec)), "--kind", kind, *arguments, "azure"], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return run_client("azureml", "azure/deployment.yml", "azure/endpoint.yml")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_exported_is_loaded_with_every_value(kind: str) -> None:
    found = exported(kind)
    assert found["kinds"] == [f"{kind.title()}OnlineDeployment", f"{kind.title()}OnlineEndpoint"]
    assert found["names"] == ["iris", "iris"] and found["code"] == "score.py" and found["code is there"]
    assert found["model"] == ["iris", "1", "custom_model"] and found["model is there"]
    assert found["variables"] == {"GREETING": "hello", "WORKER_COUNT": "3"}
    assert (found["count"], found["timeout"], found["at once"]) == (2, 30_000, 3)
    assert found["probe"]["initial_delay"] + found["probe"]["period"] * found["probe"]["failure_threshold"] == 600
    assert found["tags"] == {"team": "garden"}
    assert found["conda"]["dependencies"] == [
        "python=3.12",
        "pip",
        {"pip": ["numpy==2.4.6", "azureml-inference-server-http"]},
    ]
    if kind == "kubernetes":
        assert (found["limits"]["cpu"], found["limits"]["memory"], found["limits"]["gpu"]) == ("2", "1Gi", "1")


@pytest.mark.parametrize("kind", KINDS)
def test_a_reference_to_a_model_and_a_dockerfile_are_loaded(kind: str) -> None:
    dockerfile = EnvironmentSpec("3.11", dockerfile="FROM python:3.11-slim\n")
    Store(store()).environments.register("own", dockerfile)
    found = exported(kind, "--models", "references", environment={"ref": {"name": "own", "version": 1}})
    assert found["model"] == "iris:1" and found["build"] == "Dockerfile"


def test_what_the_library_writes_is_imported() -> None:
    Path("src").mkdir()
    Path("src/score.py").write_text(SCRIPT)
    Path("conda.yml").write_text("dependencies: [python=3.12, {pip: [numpy==2.4.6]}]\n")
    run_client("azureml", "dump", str(Path.cwd()))
    for kind in KINDS:
        result = CliRunner().invoke(import_, ["azureml", f"{kind}.yml", "--output-dir", kind], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        found = manifest.read(Path(kind)).deployment
        spec = found["spec"]
        assert found["metadata"] == {"name": "iris", "labels": {"team": "garden"}}
        assert [model["name"] for model in spec["models"]] == ["iris"]
        assert spec["environment"] == {
            "python": "3.12",
            "requirements": ["numpy==2.4.6"],
            "baseImage": "example.com/team/base:1",
        }
        assert spec["server"]["workers"] == 2 and spec["server"]["scoringTimeoutSeconds"] == 3
        assert spec["update"]["progressDeadlineSeconds"] == 60 and spec["replicas"] == 2
        assert spec["env"] == [{"name": "GREETING", "value": "hello"}]
    assert spec["resources"]["limits"] == {"cpu": "1", "memory": "1Gi", "nvidia.com/gpu": "1"}
