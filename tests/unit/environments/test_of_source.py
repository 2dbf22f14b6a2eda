"""The environment in a file of the script's source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from localmodel.environments import of_source
from localmodel.errors import UserError
from localmodel.resource.spec import DeploymentSpec, EnvironmentSpec, Source, Variable

SOURCE = {
    "score.py": b"def init(): ...",
    "requirements.txt": b"-r base/common.txt\nscikit-learn==1.7.2\n",
    "base/common.txt": b"numpy\n",
    "environment.yml": b"dependencies: [python=3.12, pip, {pip: [pandas]}]\nvariables: {MODE: fast, OWN: file}\n",
    "pyproject.toml": b'[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = ["httpx"]\n',
}


def of(file: str, source: dict[str, bytes] | None = None, **fields: Any) -> DeploymentSpec:
    spec = DeploymentSpec("score.py", Source(inline={}), environment_file=file, **fields)
    return of_source.filled_in(spec, SOURCE if source is None else source)


def refused(file: str, source: dict[str, bytes]) -> str:
    with pytest.raises(UserError) as caught:
        of(file, source)
    return str(caught.value)


def test_the_packages_are_those_of_the_file_and_of_the_files_that_it_names() -> None:
    assert of("requirements.txt").environment == EnvironmentSpec("3.11", ("numpy", "scikit-learn==1.7.2"))
    assert of("pyproject.toml").environment.requirements == ("httpx",)


def test_the_manifest_s_python_and_image_come_first() -> None:
    assert of("environment.yml").environment.python == "3.12"
    asked = EnvironmentSpec("3.10", base_image="mine:1")
    environment = of("environment.yml", environment=asked, own_python=True).environment
    assert (environment.python, environment.base_image, environment.requirements) == ("3.10", "mine:1", ("pandas",))


def test_variables_of_a_conda_file_are_set_unless_the_spec_has_them() -> None:
    variables = of("environment.yml", env=(Variable("OWN", "spec"),)).env
    assert variables == (Variable("OWN", "spec"), Variable("MODE", "fast"))


def test_without_a_file_nothing_changes() -> None:
    spec = DeploymentSpec("score.py", Source(inline={}))
    assert of_source.filled_in(spec, SOURCE) is spec


def test_a_file_that_is_not_there_is_told_with_those_that_are() -> None:
    assert refused("reqs.txt", {"score.py": b"", "requirements.txt": b""}) == (
        "spec.environment.file: the source has no reqs.txt (found: requirements.txt)"
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"numpy\n-e ./here\n", "requirements.txt:2: "),
        (b"numpy\n./here.whl\n", "requirements.txt:2: "),
        (b"\xff\xfe\x00", "requirements.txt: "),
    ],
)
def test_what_is_wrong_is_told_with_the_line_of_the_file(content: bytes, words: str) -> None:
    assert refused("requirements.txt", {"requirements.txt": content}).startswith(words)


@pytest.mark.parametrize(
    "line",
    [
        *("-r /etc/passwd", "-r/etc/passwd", "--requirement=/etc/passwd", "-r ../other/r.txt", "-r a/../../b.txt"),
        *("-r file:///etc/passwd", "  -r   /etc/passwd", "-r base/../../b.txt"),
    ],
)
def test_no_file_outside_of_the_source_is_read(line: str) -> None:
    assert "is not a file of the source" in refused("requirements.txt", {"requirements.txt": f"{line}\n".encode()})
    for conda in (f"dependencies:\n  - pip:\n    - {line}\n", f"dependencies: [{{pip: ['{line.strip()}']}}]\n"):
        assert "is not a file of the source" in refused("environment.yml", {"environment.yml": conda.encode()})


def test_errors_of_what_follows_name_the_line_and_leave_no_trace(tmp_path: Path) -> None:
    spec = of("requirements.txt")
    with pytest.raises(UserError) as caught, of_source.told_of(spec, SOURCE):
        raise UserError("RequirementsUnresolvable", "spec.environment.requirements[1]: not found")  # type: ignore[arg-type]
    assert str(caught.value) == "requirements.txt:2: not found"


@pytest.mark.parametrize("names", [("a.txt", "a.txt/b.txt"), ("a.txt/b.txt", "a.txt"), ("a.txt", "a.txt/b/c.txt")])
def test_a_file_and_a_folder_of_one_name_are_told(names: tuple[str, str]) -> None:
    text = refused("requirements.txt", {"requirements.txt": b"six\n", names[0]: b"", names[1]: b""})
    assert text.startswith(f"spec.environment.file: {names[1]}: ") and "a folder of one name" in text
