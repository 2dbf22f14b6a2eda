"""What becomes of the lines of a conda file."""

import pytest

from localmodel.environments import conda
from localmodel.errors import UserError
from localmodel.spec import EnvironmentSpec


def of(*lines: str) -> EnvironmentSpec:
    return conda.read("dependencies:\n" + "".join(f"- {line}\n" for line in lines))


def refused(*lines: str) -> str:
    with pytest.raises(UserError) as error:
        of(*lines)
    assert error.value.reason == "EnvironmentInvalid"
    return str(error.value)


@pytest.mark.parametrize(
    ("line", "requirement"),
    [
        ("numpy", "numpy"),
        ("numpy=1.19", "numpy==1.19.*"),
        ("numpy=1.19.*", "numpy==1.19.*"),
        ("numpy==1.19.2", "numpy==1.19.2"),
        ("numpy=1.19.2=py38h5", "numpy==1.19.2"),
        ("numpy=*=py38h5", "numpy"),
        ("numpy 1.19.2", "numpy==1.19.2"),
        ("numpy >=1.19,<2", "numpy>=1.19,<2"),
        ("numpy >= 1.19, < 2", "numpy>=1.19,<2"),
        ("numpy>=1.19.*", "numpy>=1.19"),
        ("numpy!=1.20", "numpy!=1.20"),
        ("numpy=1.0rc1", "numpy==1.0rc1"),
        ("conda-forge::numpy=1.19", "numpy==1.19.*"),
        ("conda-forge/linux-64::numpy", "numpy"),
        ("numpy[version='>=1.19,<2',build=py38]", "numpy>=1.19,<2"),
        ("pytorch=1.9", "torch==1.9.*"),
        ("conda-forge::py-xgboost", "xgboost"),
        ("msgpack-python", "msgpack"),
        ("opencv", "opencv-python-headless"),
    ],
)
def test_a_line_becomes_a_requirement(line: str, requirement: str) -> None:
    assert of(line).requirements == (requirement,)


@pytest.mark.parametrize(
    ("line", "python"),
    [
        ("python=3.9", "3.9"),
        ("python=3.12.4", "3.12"),
        ("python", "3.11"),
        ("python=3", "3.11"),
        ("python>=3.7", "3.11"),
        ("python>=3.12", "3.14"),
        ("python<3.10", "3.9"),
    ],
)
def test_the_python(line: str, python: str) -> None:
    assert of(line) == EnvironmentSpec(python)


def test_the_python_of_the_page_is_too_old() -> None:
    message = refused("numpy", "python=3.6.2")
    assert message.startswith("(conda file):3: python=3.6.2: this Python is not supported; 3.9, 3.10, ")
    assert "python=3.11" in message


@pytest.mark.parametrize(
    "line", ["cudatoolkit=11.1", "libgcc", "r-base", "mkl", "_libgcc_mutex=0.1=main", "openssl=1.0.1g"]
)
def test_what_is_no_python_package_says_what_to_do(line: str) -> None:
    message = refused("numpy", line)
    assert message.startswith(f"(conda file):3: {line.partition('=')[0]} is no Python package")
    assert "leave the line out" in message
    assert "--dockerfile" in message


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("numpy=1.19|1.20", "alternatives"),
        ("'!!!'", "not a conda dependency"),
        ("{r: [x]}", "only pip has a list"),
        ("[numpy]", "expected a text"),
        ("numpy=x.y", "no version"),
    ],
)
def test_what_is_not_understood_is_named_by_its_line(line: str, words: str) -> None:
    message = refused(line)
    assert message.startswith("(conda file):2: ")
    assert words in message


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("-e ./mine", "source directory"),
        ("--editable=./mine", "source directory"),
        ("--index-url https://index.example/simple", "packages.toml"),
        ("-c constraints.txt", "requirements only"),
        ("--pre", "leave it out"),
        ("git+https://git.example/x.git", "build a wheel"),
        ("x @ git+ssh://git@git.example/x.git", "netrc"),
        ("./x-1.0-py3-none-any.whl", "a path"),
        ("https://files.example/x-1.0-py3-none-any.whl", "name @"),
        ("x @ https://files.example/${TOKEN}/x-1.0-py3-none-any.whl", "not filled in"),
    ],
)
def test_lines_for_pip_that_no_environment_can_have(line: str, words: str) -> None:
    message = refused("pip", f"pip: [six, '{line}']")
    assert message.startswith("(conda file):3: ")
    assert words in message


def test_a_password_is_not_repeated() -> None:
    message = refused("pip: ['x @ https://me:geheim@files.example/x-1.0-py3-none-any.whl']")
    assert "geheim" not in message
    assert "netrc" in message


def test_names_variables_and_what_was_changed_are_told() -> None:
    found = conda.define(
        """
name: project_environment
channels: [conda-forge]
prefix: /x
variables: {A: 1}
what: 3
dependencies:
- python=3.10
- pip=21
- pytorch=1.9=py38_0
- pip:
  - six==1.17.0 --hash=sha256:00
  - numpy; python_version<"3.9"
"""
    )
    assert found.name == "project_environment"
    assert found.variables == {"A": "1"}
    assert found.spec == EnvironmentSpec(
        "3.10", ("torch==1.9", "six==1.17.0 --hash=sha256:00", 'numpy; python_version<"3.9"')
    )
    assert [note.partition(": ")[2].split(":")[0] for note in found.notes] == [
        "what",
        "pytorch is torch on the Python package index",
        "pytorch",
    ]


@pytest.mark.parametrize("text", ["[]\n", "dependencies: 3\n", "name: x\n", "a: b: c\n", "dependencies:\n  pip: [x]\n"])
def test_other_files_are_no_conda_files(text: str) -> None:
    with pytest.raises(UserError, match=r"\(conda file\)"):
        conda.read(text)


def test_what_is_written_is_read_back() -> None:
    wanted = EnvironmentSpec("3.12", ("scikit-learn==1.7.2", 'numpy>=2; python_version >= "3.9"', "a[b]==1"))
    assert conda.read(conda.write(wanted, "x")) == wanted
    assert conda.read(conda.write(EnvironmentSpec())) == EnvironmentSpec()
