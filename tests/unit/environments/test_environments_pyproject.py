"""Environments from a pyproject.toml, and from uv's lock of it."""

from pathlib import Path

import pytest

from localmodel.environments.formats import files, pyproject, uv_lock
from localmodel.errors import UserError
from localmodel.resource.spec import EnvironmentSpec

PROJECT = """\
[project]
name = "My_Churn"
dependencies = [
    "scikit-learn==1.7.2",
    "tomli>=2; python_version < '3.11'",
]

[project.optional-dependencies]
plots = ["matplotlib"]

[dependency-groups]
dev = ["pytest"]
"""
LOCK = """\
version = 1
requires-python = ">=3.9"

[[package]]
name = "my-churn"
source = { virtual = "." }
[package.metadata]
requires-dist = [
    { name = "matplotlib", marker = "extra == 'plots'" },
    { name = "scikit-learn", specifier = "==1.7.2" },
    { name = "tomli", marker = "python_full_version < '3.11'", specifier = ">=2" },
]
"""


def project(folder: Path, text: str) -> Path:
    path = folder / "pyproject.toml"
    path.write_text(text)
    return path


def refused(path: Path) -> str:
    with pytest.raises(UserError) as error:
        files.read_packages(path, None, "3.11")
    return str(error.value)


def test_the_dependencies_without_extras_and_groups_with_their_places(tmp_path: Path) -> None:
    path = project(tmp_path, PROJECT)
    found = files.read_packages(path, None, "3.12")
    wanted = ("scikit-learn==1.7.2", "tomli>=2; python_version < '3.11'")
    assert found.spec == EnvironmentSpec("3.12", wanted)
    assert list(found.places.values()) == [f"{path}:4", f"{path}:5"]
    assert files.read_packages(path, "3.13", "3.12").spec.python == "3.13"


def test_what_an_environment_cannot_have_is_told_with_its_line(tmp_path: Path) -> None:
    ours = project(tmp_path, PROJECT.replace("scikit-learn==1.7.2", "ours @ git+https://example.org/ours.git"))
    assert refused(ours).startswith(f"{ours}:4: 'ours @ git+https://example.org/ours.git': a repository has no hash")
    dynamic = project(tmp_path, '[project]\nname = "churn"\ndynamic = ["version", "dependencies"]\n')
    assert refused(dynamic).startswith(f"{dynamic}:3: the project's dependencies are dynamic")
    poetry = project(tmp_path, '[tool.poetry.dependencies]\npython = "^3.11"\nsix = "*"\n')
    assert refused(poetry) == (
        f"{poetry}:1: only the dependencies of [project] are read; write requirements.txt with poetry export"
    )


def differing(project_text: str) -> str:
    try:
        uv_lock.check_fits(pyproject.parse(project_text), uv_lock.parse(LOCK), "uv.lock")
    except UserError as error:
        return str(error)
    return ""


def test_a_lock_of_a_project_that_was_edited_since_is_refused() -> None:
    assert differing(PROJECT) == ""
    added = differing(PROJECT.replace('    "tomli', '    "joblib",\n    "tomli'))
    assert added == "uv.lock: pyproject.toml asks for something else by now (joblib); run uv lock"
    assert "(scikit-learn)" in differing(PROJECT.replace("1.7.2", "1.7.1"))
    assert "(scikit-learn)" in differing(PROJECT.replace('    "scikit-learn==1.7.2",\n', ""))
    # what only uv understands is left to uv
    assert differing(PROJECT.replace("My_Churn", "another")) == ""
