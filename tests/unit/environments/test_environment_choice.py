"""Which of a folder's files say what the environment is: the order, and what is left aside."""

import pytest

from localmodel.environments.choice import Choice, choose
from localmodel.errors import UserError

PROJECT = '[project]\nname = "churn"\ndependencies = ["six"]\n'
BARE = '[project]\nname = "churn"\n'
TOOLS = "[tool.ruff]\nline-length = 100\n"


@pytest.mark.parametrize(
    ("files", "choice"),
    [
        ({}, Choice()),
        ({"requirements.txt": "six"}, Choice("requirements.txt")),
        (
            {"requirements.txt": "six", "environment.yml": "dependencies: [python=3.13]"},
            Choice("requirements.txt", left_aside=("environment.yml",)),
        ),
        (
            {"environment.yml": "", "pyproject.toml": PROJECT, "uv.lock": "", "requirements.txt": ""},
            Choice("requirements.txt", left_aside=("uv.lock", "pyproject.toml", "environment.yml")),
        ),
        # a lock is of the project beside it, which is therefore not left aside
        ({"uv.lock": "", "pyproject.toml": PROJECT, "conda.yml": ""}, Choice("uv.lock", left_aside=("conda.yml",))),
        (
            {"pyproject.toml": PROJECT, "environment.yaml": ""},
            Choice("pyproject.toml", left_aside=("environment.yaml",)),
        ),
        # a project that asks for nothing, or only configures tools, says nothing of packages
        ({"pyproject.toml": BARE, "environment.yml": ""}, Choice("environment.yml")),
        ({"pyproject.toml": TOOLS}, Choice()),
    ],
)
def test_the_first_file_of_the_order_says_what_the_packages_are(files: dict[str, str], choice: Choice) -> None:
    assert choose(files, "3.11") == choice


@pytest.mark.parametrize(
    ("files", "python", "source"),
    [
        ({".python-version": "3.12\n"}, "3.12", ".python-version"),
        ({".python-version": "# ours\n\n3.12.4\n3.11\n"}, "3.12", ".python-version"),
        ({".python-version": "cpython@3.13"}, "3.13", ".python-version"),
        ({".python-version": "system\n"}, "", ""),
        (
            {".python-version": "churn-env\n", "pyproject.toml": f"{BARE}requires-python = '==3.10.*'\n"},
            "3.10",
            "pyproject.toml",
        ),
        (
            {".python-version": "3.12", "pyproject.toml": f"{BARE}requires-python = '>=3.13'\n"},
            "3.12",
            ".python-version",
        ),
        ({"pyproject.toml": f"{BARE}requires-python = '>=3.9'\n"}, "3.11", "pyproject.toml"),
        ({"pyproject.toml": f"{BARE}requires-python = '>=3.12,<3.14'\n"}, "3.13", "pyproject.toml"),
        ({"pyproject.toml": f"{BARE}requires-python = '>=3.10.4,<3.11'\n"}, "3.10", "pyproject.toml"),
        ({"pyproject.toml": BARE, "requirements.txt": ""}, "", ""),
    ],
)
def test_the_python_is_that_of_python_version_or_one_that_the_project_allows(
    files: dict[str, str], python: str, source: str
) -> None:
    found = choose(files, "3.11")
    assert (found.python, found.python_source) == (python, source)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({".python-version": "3.8.18"}, ".python-version: Python 3.8 is not supported; 3.9, "),
        ({"pyproject.toml": f"{BARE}requires-python = '<3.9'\n"}, "pyproject.toml:3: requires-python: none of the "),
        (
            {"pyproject.toml": f"{BARE}requires-python = '3.x'\n"},
            "pyproject.toml:3: requires-python: '3.x' is not a valid ",
        ),
        ({"pyproject.toml": "[project\n"}, "pyproject.toml: not TOML: "),
    ],
)
def test_what_cannot_be_had_is_told_with_its_place(files: dict[str, str], said: str) -> None:
    with pytest.raises(UserError) as error:
        choose(files, "3.11")
    assert str(error.value).startswith(said)
