"""Environments and code in the store, beside the models."""

import json
import shutil
from pathlib import Path

import pytest

from localmodel.errors import UserError
from localmodel.resource.spec import EnvironmentSpec
from localmodel.store import Store

SPEC = EnvironmentSpec("3.11", ("numpy", "scikit-learn==1.5.0"))
FILES = {"score.py": b"def init(): ...", "help/__init__.py": b""}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_an_environment_has_versions_like_a_model(store: Store) -> None:
    one = store.environments.register("project", SPEC, {"LEVEL": "info"})
    assert store.environments.register("project", SPEC, {"LEVEL": "info"}) == one
    two = store.environments.register("project", SPEC)
    assert [one.version, two.version] == [1, 2] == store.environments.versions("project")
    assert (one.spec, one.variables) == (SPEC, {"LEVEL": "info"})
    assert store.environments.get("project", 1) == one
    assert store.environments.find("project") == two == store.environments.list(latest=True)[0]
    store.environments.delete("project", 2)
    assert store.environments.register("project", SPEC).version == 3


def test_an_environment_of_an_earlier_release_has_defaults_for_what_it_did_not_know(store: Store) -> None:
    kept = store.environments.register("project", SPEC)
    path = store.root / "environments" / "project" / "1.json"
    record = json.loads(path.read_bytes())
    path.write_text(json.dumps({**record, "spec": {"python": "3.11", "requirements": list(SPEC.requirements)}}))
    assert store.environments.get("project") == kept == store.environments.register("project", SPEC)


def test_code_comes_back_as_it_was(store: Store) -> None:
    one = store.code.register("score", FILES, "score.py")
    assert store.code.register("score", dict(reversed(FILES.items())), "score.py") == one
    assert store.code.register("score", FILES, "help/__init__.py").version == 2
    assert store.code.files(store.code.get("score", 1)) == FILES
    assert store.code.get("score", 1).entry == "score.py"
    shutil.rmtree(store.root / "blobs")
    with pytest.raises(UserError, match="missing from the store") as damaged:
        store.code.files(one)
    assert damaged.value.reason == "CodeDamaged"


def test_each_kind_names_what_it_misses(store: Store) -> None:
    store.environments.register("project", SPEC)
    with pytest.raises(UserError, match="registered are: project") as environment:
        store.environments.get("other")
    with pytest.raises(UserError, match="no code is registered") as code:
        store.code.get("score")
    with pytest.raises(UserError) as name:
        store.environments.register("a b", SPEC)
    with pytest.raises(UserError) as path:
        store.models.get("../environments")
    assert [each.value.reason for each in (environment, code, name, path)] == [
        "EnvironmentNotFound",
        "CodeNotFound",
        "EnvironmentNameInvalid",
        "ModelNameInvalid",
    ]
