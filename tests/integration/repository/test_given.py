"""What a user may name as the environment of a deployment."""

import sys
from pathlib import Path

import pytest

from localmodel import UserError
from localmodel.project import given
from localmodel.resource.spec import EnvironmentSpec
from localmodel.sdk.progress import reporter
from localmodel.store import EnvironmentVersion, Store

OWN = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.chdir(tmp_path)
    return Store(tmp_path / "store")


def meant(given_value: given.Environment | None, store: Store) -> EnvironmentVersion | EnvironmentSpec:
    return given.environment(given_value, store, reporter(False)).of("digits", store)


def test_nothing_is_this_python_alone(store: Store) -> None:
    assert meant(None, store) == EnvironmentSpec(OWN)


def test_a_list_is_requirements_for_this_python(store: Store) -> None:
    assert meant(["numpy==2.4.6", "joblib"], store) == EnvironmentSpec(OWN, ("numpy==2.4.6", "joblib"))


@pytest.mark.parametrize("as_path", [True, False])
def test_a_file_of_pip_is_for_this_python(store: Store, as_path: bool) -> None:
    Path("requirements.txt").write_text("# what it needs\nnumpy==2.4.6\n")
    name: Path | str = Path("requirements.txt") if as_path else "requirements.txt"
    assert meant(name, store) == EnvironmentSpec(OWN, ("numpy==2.4.6",))


def test_a_file_of_conda_says_its_python(store: Store) -> None:
    Path("conda.yml").write_text("dependencies: [python=3.12, {pip: [numpy==2.4.6]}]\n")
    assert meant("conda.yml", store) == EnvironmentSpec("3.12", ("numpy==2.4.6",))


def test_azure_mls_own_server_is_left_out(store: Store) -> None:
    Path("packages.txt").write_text("numpy\nazureml-defaults\n")
    assert meant("packages.txt", store) == EnvironmentSpec(OWN, ("numpy",))


def test_what_a_manifest_cannot_say_is_registered_under_the_deployments_name(store: Store) -> None:
    Path("conda.yml").write_text("dependencies: [python=3.12]\nvariables: {COLOUR: red}\n")
    found = meant("conda.yml", store)
    assert isinstance(found, EnvironmentVersion)
    assert (found.name, found.version, found.variables) == ("digits", 1, {"COLOUR": "red"})
    assert meant("conda.yml", store) == found, "the same one again"


def test_a_name_is_of_the_store_with_or_without_a_version(store: Store) -> None:
    first = store.environments.register("science", EnvironmentSpec("3.12"), {})
    second = store.environments.register("science", EnvironmentSpec("3.13"), {})
    assert meant("science", store) == second
    assert meant("science:1", store) == first
    assert meant(first, store) == first


@pytest.mark.parametrize("name", ["nosuch.txt", "nosuch.yml", "folder/nosuch", Path("nosuch")])
def test_a_file_that_is_missing_is_not_looked_for_in_the_store(store: Store, name: str | Path) -> None:
    with pytest.raises(UserError, match=r"nosuch.*: no such environment file") as caught:
        meant(name, store)
    assert caught.value.reason == "EnvironmentFileMissing"


def test_two_models_whose_names_differ_only_in_case_are_refused(store: Store) -> None:
    Path("model.txt").write_text("1")
    for folder, name in (("a", "Iris"), ("b", "iris")):  # a store from before may have both
        Store(Path(folder)).models.register(name, "model.txt")
    both = [Store(Path("a")).models.get("Iris"), Store(Path("b")).models.get("iris")]
    with pytest.raises(UserError, match="Iris and iris differ only in case") as caught:
        given.models(both, store, "digits")
    assert caught.value.reason == "ModelTwice"
