"""The mirrored SDK: environments, and what ties a script to one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml
from azure_sdk import PYTHON, environment, workspace  # noqa: F401 - a fixture

from localmodel.azure.core import Environment, Model, Workspace
from localmodel.azure.core.model import InferenceConfig
from localmodel.azure.exceptions import UserErrorException, WebserviceException
from localmodel.environments.layers import server
from localmodel.environments.layers.packages import Kind
from localmodel.oci import layers
from localmodel.oci.layout import Blob, Layout


def test_environments_are_registered_by_number_and_got_by_text(ws: Workspace) -> None:
    made = environment()
    made.environment_variables = {"A": "1"}
    assert made.register(ws).version == made.register(ws).version == "1"
    made.python.conda_dependencies.add_pip_package("joblib==1.6.0")
    assert made.register(ws).version == "2"
    first, latest = Environment.get(ws, "plain", "1"), Environment.get(ws, "plain", label="Latest")
    assert [*first.python.conda_dependencies.pip_packages] == []
    assert (latest.version, [*latest.python.conda_dependencies.pip_packages]) == ("2", ["joblib==1.6.0"])
    assert latest.environment_variables == {"A": "1"}
    assert latest.python.conda_dependencies.get_python_version() == PYTHON
    clone = latest.clone("other")
    clone.python.conda_dependencies.add_pip_package("numpy")
    assert (clone.version, clone.register(ws).name) == (None, "other")
    assert [*latest.python.conda_dependencies.pip_packages] == ["joblib==1.6.0"]
    assert sorted(Environment.list(ws)) == ["other", "plain"]


def test_azure_mls_own_server_is_in_no_environment(ws: Workspace) -> None:
    made = environment()
    made.python.conda_dependencies.add_pip_package("azureml-defaults")
    made.python.conda_dependencies.add_pip_package("joblib==1.6.0")
    assert [*made.register(ws).python.conda_dependencies.pip_packages] == ["joblib==1.6.0"]


@pytest.mark.parametrize("arguments", [{"name": "n"}, {"name": "plain", "version": 9}, {"name": "plain", "label": "x"}])
def test_an_environment_that_is_not_there(ws: Workspace, arguments: dict[str, object]) -> None:
    environment().register(ws)
    with pytest.raises(UserErrorException):
        Environment.get(ws, **arguments)  # type: ignore[arg-type]


def test_environments_from_files(ws: Workspace) -> None:
    Path("env.yml").write_text("dependencies: [python=3.12, numpy=2.4.6, {pip: [joblib==1.6.0]}]\nvariables: {A: x}\n")
    of_conda = Environment.from_conda_specification("c", "env.yml")
    assert [*of_conda.python.conda_dependencies.conda_packages] == ["python=3.12", "numpy=2.4.6"]
    assert of_conda.environment_variables == {"A": "x"}
    found = of_conda.register(ws)
    assert {*found.python.conda_dependencies.pip_packages} == {"numpy==2.4.6.*", "joblib==1.6.0"}  # as conda means it
    Path("requirements.txt").write_text("joblib==1.6.0  # exact\n")
    of_pip = Environment.from_pip_requirements("p", "requirements.txt")
    assert [*of_pip.python.conda_dependencies.pip_packages] == ["joblib==1.6.0"]
    of_image = Environment.from_docker_image("i", "example.com/cuda:12", pip_requirements="requirements.txt")
    assert of_image.register(ws).docker.base_image == "example.com/cuda:12"
    Path("Dockerfile").write_text("FROM python:3.11-slim\nRUN true\n")
    of_dockerfile = Environment.from_dockerfile("d", "Dockerfile").register(ws)
    assert of_dockerfile.docker.base_dockerfile == "FROM python:3.11-slim\nRUN true\n"
    assert of_dockerfile.python.user_managed_dependencies


def test_a_bad_conda_file_names_its_line(ws: Workspace) -> None:
    Path("env.yml").write_text("dependencies:\n  - python=3.11\n  - cudatoolkit\n")
    with pytest.raises(UserErrorException, match=r"env.yml:3: cudatoolkit"):
        Environment.from_conda_specification("c", "env.yml")


def test_settings_that_would_be_ignored_are_refused(ws: Workspace) -> None:
    made = environment()
    for section, name in ((made.docker, "shm_size"), (made.python, "interpreter_path"), (made.docker, "base_imag")):
        with pytest.raises(UserErrorException, match=f"{name} has no effect here"):
            setattr(section, name, "x")
    made.docker.base_image, made.docker.base_dockerfile = "a", "FROM b"
    with pytest.raises(UserErrorException, match="one of base_image and base_dockerfile"):
        made.register(ws)


def test_saved_to_a_folder_and_loaded_back(ws: Workspace) -> None:
    made = environment()
    made.python.conda_dependencies.add_pip_package("joblib==1.6.0")
    made.environment_variables = {"A": "1"}
    made.save_to_directory("saved")
    assert {"conda_dependencies.yml", "azureml_environment.json"} <= {path.name for path in Path("saved").iterdir()}
    with pytest.raises(UserErrorException):
        made.save_to_directory("saved")
    made.save_to_directory("saved", overwrite=True)
    loaded = Environment.load_from_directory("saved")
    assert (loaded.name, loaded.version, loaded.environment_variables) == ("plain", None, {"A": "1"})
    assert [*loaded.python.conda_dependencies.pip_packages] == ["joblib==1.6.0"]


def test_built_here_without_docker(ws: Workspace) -> None:
    python = environment().build_local(ws, useDocker=False)
    assert subprocess.check_output([python, "-c", "import sys; print(sys.prefix)"], text=True).strip() in python


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("missing.py", None, "missing.py: no such file in"),
        ("score.txt", "x = 1", "ends in .py"),
        ("2score.py", "x = 1", "not beginning with a digit"),
        ("bad.py", "def init():\n    return )\n", "bad.py:2: SyntaxError"),
        ("half.py", "def init(): pass\n", r"no function run\(raw_data\)"),
    ],
)
def test_the_script_is_looked_at_before_anything_is_built(
    ws: Workspace, name: str, text: str | None, says: str
) -> None:
    if text is not None:
        Path(name).write_text(text)
    with pytest.raises(UserErrorException, match=says):
        InferenceConfig(name)


def test_old_arguments_say_what_took_their_place(ws: Workspace) -> None:
    with pytest.raises(UserErrorException, match=r"conda_file is not supported here\. Give environment="):
        InferenceConfig("score.py", runtime="python", conda_file="env.yml")
    with pytest.raises(UserErrorException, match="runtime is not supported here"):
        InferenceConfig("score.py", runtime="spark-py")
    with pytest.raises(UserErrorException, match="source_directory nowhere: no such folder"):
        InferenceConfig("score.py", source_directory="nowhere")


# --- a package


def test_a_package_is_all_that_an_image_needs(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    async def small(kind: Kind, layout: Layout, say: object) -> Blob:
        return layout.write(layers.tar([layers.Entry(f"opt/localmodel/{kind.python}", b"")]))

    monkeypatch.setattr(server, "layer", small)  # the real one takes its time
    made = environment()
    made.environment_variables = {"PRICE": '5 $ "net"'}
    model = Model.register(ws, "model.txt", "m")
    config = InferenceConfig("score.py", environment=made)
    package = Model.package(ws, [model], config, generate_dockerfile=True, image_name="digits", image_label="1")
    package.wait_for_creation()
    package.save("package")
    place = Path("package")
    assert package.location == "package"
    assert (place / "code/score.py").read_text() == Path("score.py").read_text()
    assert (place / "models/m/1/model.txt").read_text() == "one"
    dockerfile = (place / "Dockerfile").read_text()
    for line in (
        f"ARG BASE=python:{PYTHON}-slim",
        f"ARG PYTHON={PYTHON}",
        r'ENV PRICE="5 \$ \"net\""',
        'ENV AZUREML_ENTRY_SCRIPT="score.py"',
        'ENV AZUREML_MODEL_DIR="/var/azureml-app/azureml-models/m/1"',
        "COPY models /var/azureml-app/azureml-models",
    ):
        assert line in dockerfile.splitlines()
    copied = [line.split()[1] for line in dockerfile.splitlines() if line.startswith("COPY ") and "--from" not in line]
    (added,) = [line.split()[1:-1] for line in dockerfile.splitlines() if line.startswith("ADD ")]
    copied += added
    assert layers.files_in(place / added[0]) == [f"opt/localmodel/{PYTHON}"]
    assert [name for name in copied if not (place / name).exists()] == []
    deployment, service = yaml.safe_load_all((place / "kubernetes.yaml").read_text())
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "digits:1"
    assert service["spec"]["selector"] == deployment["spec"]["template"]["metadata"]["labels"]
    with pytest.raises(WebserviceException, match="package is there already"):
        package.save("package")


def test_only_packages_with_a_dockerfile_are_made(ws: Workspace) -> None:
    with pytest.raises(UserErrorException, match="give generate_dockerfile=True"):
        Model.package(ws, [], InferenceConfig("score.py"))
    with pytest.raises(UserErrorException, match="give inference_config"):
        Model.package(ws, [], generate_dockerfile=True)
    made = environment()
    made.python.user_managed_dependencies, made.docker.base_dockerfile = True, "FROM python:3.11-slim"
    with pytest.raises(UserErrorException, match="cannot build on an environment from a Dockerfile"):
        Model.package(ws, [], InferenceConfig("score.py", environment=made), generate_dockerfile=True)
