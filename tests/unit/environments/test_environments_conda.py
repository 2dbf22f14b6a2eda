"""What becomes of the lines of a conda file."""

import pytest

from localmodel.environments.formats import conda
from localmodel.errors import UserError
from localmodel.resource.spec import EnvironmentSpec


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


@pytest.mark.parametrize("line", ["cudatoolkit=11.1", "ffmpeg", "r-base", "cuda-cudart=12", "git=2.40"])
def test_what_is_no_python_package_says_what_to_do(line: str) -> None:
    message = refused("numpy", line)
    assert message.startswith(f"(conda file):3: {line.partition('=')[0]} is not a Python package")
    assert "leave the line out" in message
    assert "--dockerfile" in message


# As `conda env export` writes it on Linux
EXPORT = """\
name: digits
channels:
  - conda-forge
dependencies:
  - _libgcc_mutex=0.1=conda_forge
  - _openmp_mutex=4.5=2_gnu
  - aws-c-auth=0.7.8=h538f98c_2
  - bzip2=1.0.8=hd590300_5
  - ca-certificates=2024.2.2=hbcca054_0
  - joblib=1.4.2=pyhd8ed1ab_0
  - ld_impl_linux-64=2.40=h41732ed_0
  - libblas=3.9.0=21_linux64_openblas
  - libffi=3.4.2=h7f98852_5
  - libgcc-ng=13.2.0=h807b86a_5
  - libstdcxx-ng=13.2.0=h7e041cc_5
  - libsqlite=3.45.2=h2797004_0
  - libzlib=1.2.13=hd590300_5
  - ncurses=6.4=h59595ed_2
  - numpy=1.26.4=py311h64a7726_0
  - openssl=3.2.1=hd590300_1
  - pip=24.0=pyhd8ed1ab_0
  - python=3.11.4=hab00c5b_0_cpython
  - python_abi=3.11=4_cp311
  - python-tzdata=2024.1=pyhd8ed1ab_0
  - readline=8.2=h8228510_1
  - setuptools=69.5.1=pyhd8ed1ab_0
  - tk=8.6.13=noxft_h4845f30_101
  - tzdata=2024a=h0c530f3_0
  - wheel=0.43.0=pyhd8ed1ab_1
  - xz=5.2.6=h166bdaf_0
  - pip:
      - scikit-learn==1.4.2
prefix: /opt/conda/envs/digits
"""


def test_an_export_of_conda_is_its_python_packages_and_one_note() -> None:
    found = conda.define(EXPORT)
    assert found.spec == EnvironmentSpec(
        "3.11",
        (
            *("joblib==1.4.2", "numpy==1.26.4", "tzdata==2024.1", "setuptools==69.5.1", "wheel==0.43.0"),
            "scikit-learn==1.4.2",
        ),
    )
    built, left_out = [note for note in found.notes if "left out; " in note]
    assert built.startswith("(conda file): joblib, numpy, python-tzdata, setuptools, wheel: the build string is left")
    assert left_out == (
        "(conda file): _libgcc_mutex, _openmp_mutex, aws-c-auth, bzip2, ca-certificates, ld_impl_linux-64, libblas, "
        "libffi, libgcc-ng, libstdcxx-ng, libsqlite, libzlib, ncurses, openssl, python_abi, readline, tk, tzdata, xz: "
        "left out; Python and the wheels of packages bring what they need"
    )
    assert found.places["numpy==1.26.4"] == "(conda file):19"


def test_all_that_is_wrong_is_told_at_once() -> None:
    message = refused("python=2.7", "ffmpeg", "numpy=1|2", "six", "[x]", "pip: [-e ., 'x @ file:///x', {a: b}, six]")
    assert [line.split(" ")[1].partition(":")[0] for line in message.splitlines()] == ["file)"] * 7
    assert [line.split(":")[1] for line in message.splitlines()] == ["2", "3", "4", "6", "7", "7", "7"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("numpy=1.19|1.20", "alternatives"),
        ("'!!!'", "not a conda dependency"),
        ("{r: [x]}", "only pip has a list"),
        ("[numpy]", "expected a text"),
        ("numpy=x.y", "not a version"),
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
        ("certifi @ file:///opt/conda/conda-bld/certifi_1655968806487/work/certifi", "certifi==VERSION (pip list"),
        ("x @ file:///wheels/x-1.2-py3-none-any.whl", "a wheel folder (find-links in packages.toml) and write x==1.2"),
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


def test_two_packages_that_are_one_on_the_index_are_asked_for_once() -> None:
    text = "dependencies: [python=3.11, numpy=1.26.4=py311_0, numpy-base=1.26.4=py311_0]\n"
    assert conda.read(text).requirements == ("numpy==1.26.4",)


@pytest.mark.parametrize("text", ["[]\n", "dependencies: 3\n", "name: x\n", "a: b: c\n", "dependencies:\n  pip: [x]\n"])
def test_other_files_are_no_conda_files(text: str) -> None:
    with pytest.raises(UserError, match=r"\(conda file\)"):
        conda.read(text)


def test_what_is_written_is_read_back() -> None:
    wanted = EnvironmentSpec("3.12", ("scikit-learn==1.7.2", 'numpy>=2; python_version >= "3.9"', "a[b]==1"))
    assert conda.read(conda.write(wanted, "x")) == wanted
    assert conda.read(conda.write(EnvironmentSpec())) == EnvironmentSpec()
