"""Environments from files that name each other, and as folders as Azure ML's SDK has them."""

from __future__ import annotations

import json
import string
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.examples import examples

from localmodel import run_coroutine
from localmodel.environments import folder
from localmodel.environments.formats import conda, files, requirements_txt
from localmodel.environments.formats.definition import pythons
from localmodel.environments.locks import lock as locks
from localmodel.errors import UserError
from localmodel.resource.spec import EnvironmentSpec
from localmodel.store import EnvironmentVersion


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOCALMODEL_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_requirements_files_name_each_other_below_their_own_folders(tmp_path: Path) -> None:
    write(tmp_path / "shared/more.txt", "numpy>=1.20\n-r deeper/last.txt  # the rest\n")
    write(tmp_path / "shared/deeper/last.txt", "joblib\n")
    main = write(
        tmp_path / "requirements.txt",
        "# ours\nsix==1.17.0 \\\n  --hash=sha256:0123 \\\n  --hash=sha256:4567\n\n--requirement=shared/more.txt\n"
        'tomli; python_version < "3.11"  # a marker\n',
    )
    assert requirements_txt.read(main, "3.12") == EnvironmentSpec(
        "3.12",
        (
            "six==1.17.0    --hash=sha256:0123    --hash=sha256:4567",
            "numpy>=1.20",
            "joblib",
            'tomli; python_version < "3.11"',
        ),
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "six\n--index-url https://index.example/simple\n",
            "requirements.txt:2: --index-url: package sources are set once for all environments",
        ),
        ("\n\n-e .\n", "requirements.txt:3: -e: "),
        ("-c constraints.txt\n", "requirements.txt:1: -c: "),
        ("-r nosuch.txt\n", "requirements.txt:1: there is no file "),
        ("-r requirements.txt\n", "is inside itself"),
        ("six\n!!!\n", "requirements.txt:2: '!!!' is not a requirement"),
        ("-r https://files.example/r.txt\n", "only files of this machine"),
    ],
)
def test_what_a_requirements_file_may_not_have(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UserError) as error:
        requirements_txt.read(write(tmp_path / "requirements.txt", text))
    assert words in str(error.value)


def test_all_that_is_wrong_in_the_files_is_told_at_once(tmp_path: Path) -> None:
    write(tmp_path / "more.txt", "numpy\n./x.whl\n")
    path = write(tmp_path / "requirements.txt", "six\n-e .\n-r file:more.txt\n!!!\na @ file:///b/a\n-r nosuch.txt\n")
    with pytest.raises(UserError) as error:
        requirements_txt.read(path)
    told = [line.removeprefix(f"{tmp_path}/").split(": ")[0] for line in str(error.value).splitlines()]
    numbers = ("requirements.txt:2", "more.txt:2", "requirements.txt:4", "requirements.txt:5", "requirements.txt:6")
    assert tuple(told) == numbers
    assert "pip freeze writes it in a conda environment; write a==VERSION" in str(error.value)
    recipe = write(tmp_path / "Dockerfile", "FROM ubuntu\nCOPY . .\nADD x /\nRUN curl http://u:p@h/\n")
    with pytest.raises(
        UserError, match=r"(?s)Dockerfile:2: COPY.*\n.*Dockerfile:3: ADD.*\n.*Dockerfile:4: holds a pass"
    ):
        files.define(recipe=recipe)


def test_what_cannot_be_had_is_told_with_its_line(tmp_path: Path) -> None:
    write(tmp_path / "more.txt", "Nosuch.thing>=1\n")
    path = write(tmp_path / "c.yml", "dependencies:\n- numpy\n- pytorch=2\n- pip: [-r more.txt]\n")
    for said, line in (
        ("Because nosuch-thing was not found in the package registry, we conclude", "more.txt:1"),
        ("torch 2.0 has no wheel for Python 3.11", "c.yml:3"),
        ("numpy<1 and torch==2.* are incompatible", f"c.yml:2, {tmp_path}/c.yml:3"),
        ("it cannot be said", "c.yml"),
    ):
        with pytest.raises(UserError) as error, files.told_of(path):
            raise UserError("RequirementsUnresolvable", f"spec.environment.requirements: {said}")
        assert (error.value.reason, str(error.value)) == ("RequirementsUnresolvable", f"{tmp_path}/{line}: {said}")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_a_file_of_powershells_is_told_how_to_be_saved(tmp_path: Path, encoding: str) -> None:
    content = ("\ufeff" if encoding == "utf-16-be" else "") + "six\n"
    for name in ("requirements.txt", "c.yml", "Dockerfile"):
        (tmp_path / name).write_bytes(content.encode(encoding))
        source = {"recipe": tmp_path / name} if name == "Dockerfile" else {"packages": tmp_path / name}
        with pytest.raises(UserError, match=f"{name}: cannot be read: it is UTF-16, as PowerShell's > writes it: save"):
            files.define(**source)


def test_a_conda_file_names_a_requirements_file_beside_it(tmp_path: Path) -> None:
    write(tmp_path / "requirements.txt", "six\n-e .\n")
    path = write(tmp_path / "environment.yml", "dependencies: [{pip: [-r requirements.txt]}]\n")
    with pytest.raises(UserError, match=r"requirements\.txt:2: -e"):
        conda.read(path)
    write(tmp_path / "requirements.txt", "six\n")
    assert conda.read(path).requirements == ("six",)


def test_packages_on_an_image_of_the_users(tmp_path: Path) -> None:
    listed = write(tmp_path / "requirements.txt", "six\n")
    found = files.define(listed, image="registry.example/python:3.9", otherwise="3.14")
    assert found.spec == EnvironmentSpec("3.9", ("six",), "registry.example/python:3.9")
    recipe = write(tmp_path / "Dockerfile", "FROM ubuntu\n")
    conda_file = write(tmp_path / "c.yml", "dependencies: [python=3.10, six]\n")
    assert files.define(conda_file, recipe).spec == EnvironmentSpec("3.10", ("six",), dockerfile="FROM ubuntu\n")
    assert files.define(listed, otherwise="3.14").spec.python == "3.14"
    assert files.define(listed, python="3.13", otherwise="3.14").spec.python == "3.13"


@pytest.mark.parametrize("name", ["nosuch.yml", "folder.yml", "bytes.yml"])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.yml").mkdir()
    (tmp_path / "bytes.yml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=f"{name}: cannot be read"):
        conda.read(tmp_path / name)


names = st.text(string.ascii_letters, min_size=1, max_size=8)
requirements = st.lists(
    st.one_of(
        names,
        st.builds("{}=={}.{}".format, names, st.integers(0, 99), st.integers(0, 99)),
        st.builds('{}[{}]>=1,<2; python_version >= "3.9"'.format, names, names),
        st.builds("{0} @ https://files.example/{0}-1.0-py3-none-any.whl".format, names),
        st.builds("{}==1.0 --hash=sha256:{}".format, names, st.text("0123456789abcdef", min_size=64, max_size=64)),
    ),
    max_size=4,
).map(tuple)
bases = st.one_of(
    st.builds(dict),
    st.builds(lambda name: {"base_image": f"registry.example/{name.lower()}:1"}, names),
    st.builds(lambda version: {"base_image": f"python:{version}-slim"}, st.sampled_from(pythons())),
    st.builds(lambda text: {"dockerfile": f"FROM python:3.11\nENV A={text!r}\r\n"}, st.text(max_size=20)),
)
specs = st.builds(
    lambda python, wanted, base: EnvironmentSpec(python, wanted, **base),
    st.sampled_from(pythons()),
    requirements,
    bases,
)


@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(spec=specs, variables=st.dictionaries(names, st.text(max_size=10), max_size=3))
def test_what_is_saved_is_loaded_as_the_same(
    spec: EnvironmentSpec, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolve(*_: object) -> locks.Lock:
        return locks.Lock("six==1.17.0 \\\n    --hash=sha256:00\n")

    version = EnvironmentVersion("ours", 3, "", spec, variables, "")
    with tempfile.TemporaryDirectory() as place:
        with monkeypatch.context() as patched:
            patched.setattr(locks, "resolve", resolve)
            folder.save(version, Path(place))
        found = folder.load(Path(place))
    assert found.spec == spec
    assert (found.name, found.variables, found.notes) == ("ours", variables, ())


def test_a_saved_lock_is_what_another_machine_installs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    spec = EnvironmentSpec(requirements=("six",))
    saved = locks.Lock("six==1.16.0 \\\n    --hash=sha256:00\n")
    locks.keep(spec, saved, home / "store" / "locks")
    folder.save(EnvironmentVersion("ours", 1, "", spec, {}, ""), tmp_path / "saved")
    monkeypatch.setenv("LOCALMODEL_HOME", str(tmp_path / "elsewhere"))
    found = folder.load(tmp_path / "saved")
    assert run_coroutine.run(locks.resolve(found.spec, None, tmp_path / "elsewhere" / "store" / "locks")) == saved


def test_an_edited_folder_is_not_bound_to_its_lock(tmp_path: Path, home: Path) -> None:
    spec = EnvironmentSpec(requirements=("six",))
    locks.keep(spec, locks.Lock("six==1.16.0 --hash=sha256:00\n"), home / "store" / "locks")
    folder.save(EnvironmentVersion("ours", 1, "", spec, {}, ""), tmp_path / "saved")
    conda_file = tmp_path / "saved" / "conda_dependencies.yml"
    conda_file.write_text(conda_file.read_text().replace("- six", "- joblib"))
    found = folder.load(tmp_path / "saved")
    assert found.spec.requirements == ("joblib",)
    assert len(list((home / "store" / "locks").glob("*.txt"))) == 1


def test_a_folder_is_overwritten_only_when_asked(tmp_path: Path) -> None:
    plain = EnvironmentVersion("ours", 1, "", EnvironmentSpec(), {}, "")
    with_image = EnvironmentVersion("ours", 2, "", EnvironmentSpec(dockerfile="FROM python:3.11\n"), {}, "")
    folder.save(with_image, tmp_path)
    assert (tmp_path / "BaseDockerfile").read_text() == "FROM python:3.11\n"
    with pytest.raises(UserError) as error:
        folder.save(plain, tmp_path)
    assert error.value.reason == "FileExists"
    shared = tmp_path / folder.CONDA
    shared.chmod(0o664)
    folder.save(plain, tmp_path, overwrite=True)
    assert shared.stat().st_mode & 0o777 == 0o664  # others who could write it still can
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "azureml_environment.json",
        "conda_dependencies.yml",
        "requirements.lock.txt",
    ]


# As version 1.60 of Azure's SDK writes it, addresses aside.
AZURES_CONDA = """\
# Conda environment specification.
name: project_environment
dependencies:
  # The python interpreter version.
- python={python}

- pip:
  - --find-links https://index.example/simple/index.html
  - --extra-index-url https://index.example/simple
  - joblib>=1.0
- scikit-learn=1.0
- numpy
channels:
- anaconda
- conda-forge
"""


def azures(place: Path, python: str = "3.9", unmanaged: bool = False, **docker: str | None) -> Path:
    content = {
        "name": "project_environment",
        "version": None,
        "environmentVariables": {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"},
        "python": {
            "userManagedDependencies": unmanaged,
            "interpreterPath": "python",
            "condaDependenciesFile": None,
            "baseCondaEnvironment": None,
        },
        "docker": {
            "enabled": False,
            "baseImage": "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20251130.v1",
            "baseDockerfile": None,
            "buildContext": None,
            "sharedVolumes": True,
            "shmSize": "2g",
            "arguments": [],
            "baseImageRegistry": {"address": None, "username": None, "password": None, "registryIdentity": None},
            "platform": {"os": "Linux", "architecture": "amd64"},
            **docker,
        },
        "spark": {"repositories": [], "packages": [], "precachePackages": True},
        "r": None,
        "inferencingStackVersion": None,
        "assetId": None,
    }
    write(place / "conda_dependencies.yml", AZURES_CONDA.format(python=python))
    write(place / "azureml_environment.json", json.dumps(content, indent=4))
    return place


def test_a_folder_of_azures_sdk(tmp_path: Path) -> None:
    found = folder.load(azures(tmp_path))
    assert found.name == "project_environment"
    assert found.variables == {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"}
    assert found.spec == EnvironmentSpec("3.9", ("joblib>=1.0", "scikit-learn==1.0.*", "numpy"))
    assert [note.split(": ", 1)[1].split(" ")[0] for note in found.notes] == [
        "docker.baseImage:",
        "--find-links",
        "--extra-index-url",
    ]


def test_azures_image_that_manages_itself_has_its_own_python(tmp_path: Path) -> None:
    found = folder.load(azures(tmp_path, "3.8.13", unmanaged=True, baseImage="python:3.12-slim"))
    assert found.spec == EnvironmentSpec("3.12", base_image="python:3.12-slim")
    write(tmp_path / "BaseDockerfile", "FROM python:3.10\n")
    assert folder.load(tmp_path).spec == EnvironmentSpec("3.10", dockerfile="FROM python:3.10\n")


def test_azures_old_python_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"conda_dependencies\.yml:5: python=3\.6\.2: this Python is not supported"):
        folder.load(azures(tmp_path, "3.6.2"))


def test_a_folder_without_an_environment(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no azureml_environment\.json"):
        folder.load(tmp_path)
    write(tmp_path / "azureml_environment.json", "[")
    with pytest.raises(UserError, match="not JSON"):
        folder.load(tmp_path)
