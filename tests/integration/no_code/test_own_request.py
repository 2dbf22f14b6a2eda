"""The request that is sent to a deployment where the user gives none."""

import json
from pathlib import Path
from typing import Any, cast

import click
import joblib
import pytest
from sklearn.linear_model import LogisticRegression

from localmodel.cli.deployment import invoke, own_request
from localmodel.disk import home
from localmodel.project import definition
from localmodel.resource import annotations, schema
from localmodel.resource.manifest import Manifests
from localmodel.store import Store
from localmodel.store.models import of_content
from localmodel.targets.target import Target


class Applied:
    """A target with one deployment, of this spec, which was applied from this path."""

    name = "process"

    def __init__(self, source: Path, spec: dict[str, Any]) -> None:
        deployment = {**definition.empty("sk"), "spec": spec}
        annotations.annotate(deployment, annotations.SOURCE, str(source))
        self._manifests = Manifests(schema.validate(deployment), {})

    def manifests(self, name: str) -> Manifests:
        return self._manifests


@pytest.fixture
def applied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    """The deployment of a model alone."""
    monkeypatch.setenv("LOCALMODEL_HOME", str(tmp_path / "home"))
    path = tmp_path / "sk.pkl"
    joblib.dump(LogisticRegression().fit([[0.0, 1.0], [1.0, 0.0]], [0, 1]), path)
    version = of_content(Store(home.store()).models, "sk", path)
    return cast(Target, Applied(path, {"models": [{"name": version.name, "version": version.version}]}))


def test_it_is_what_the_model_describes_and_that_is_said(applied: Target, capsys: pytest.CaptureFixture[str]) -> None:
    with click.Context(invoke.invoke):
        data, request = own_request.given_or_own(applied, "sk", None, None)
    assert request is None and json.loads(data or "") == {"data": [[0.0, 0.0]]}
    assert "request: the sample request that the model describes" in capsys.readouterr().err


def test_what_is_given_and_the_file_beside_it_come_first(applied: Target, tmp_path: Path) -> None:
    beside = tmp_path / "request.json"
    with click.Context(invoke.invoke):
        assert own_request.given_or_own(applied, "sk", "[1]", None) == ("[1]", None)
        beside.write_text("{}")
        assert own_request.given_or_own(applied, "sk", None, None) == (None, beside)
        with pytest.raises(click.UsageError, match="give one of"):
            own_request.given_or_own(applied, "sk", "[1]", beside)
