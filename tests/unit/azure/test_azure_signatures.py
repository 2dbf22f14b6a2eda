"""Azure ML's calls, argument by argument: what a script written for its SDK passes must be accepted here by name."""

import importlib
import inspect
from collections.abc import Callable

import pytest

import localmodel
from localmodel.azure.core import Environment, Model, Workspace
from localmodel.azure.core.conda_dependencies import CondaDependencies
from localmodel.azure.core.model import InferenceConfig
from localmodel.azure.core.webservice import LocalWebservice, Webservice

# azureml-core's, in its order; `self` and what begins with an underscore left out.
CALLS = {
    Workspace.from_config: "path auth",
    Workspace.get: "name auth subscription_id resource_group location cloud id",
    Model.__init__: "workspace name id tags properties version run_id model_framework expand",
    Model.register: "workspace model_path model_name tags properties description datasets model_framework "
    "model_framework_version child_paths sample_input_dataset sample_output_dataset resource_configuration",
    Model.list: "workspace name tags properties run_id latest dataset_id expand page_count model_framework",
    Model.download: "target_dir exist_ok exists_ok",
    Model.get_model_path: "model_name version",
    Model.update: "tags description sample_input_dataset sample_output_dataset resource_configuration",
    Model.update_tags_properties: "add_tags remove_tags add_properties",
    Model.add_tags: "tags",
    Model.remove_tags: "tags",
    Model.add_properties: "properties",
    Model.delete: "",
    Model.serialize: "",
    Model.deploy: "workspace name models inference_config deployment_config deployment_target overwrite show_output",
    Model.package: "workspace models inference_config generate_dockerfile image_name image_label",
    InferenceConfig.__init__: "entry_script runtime conda_file extra_docker_file_steps source_directory enable_gpu "
    "description base_image base_image_registry cuda_version environment",
    Environment.__init__: "name",
    Environment.get: "workspace name version label",
    Environment.list: "workspace",
    Environment.register: "workspace",
    Environment.clone: "new_name",
    Environment.build: "workspace image_build_compute",
    Environment.build_local: "workspace platform useDocker pushImageToWorkspaceAcr",
    Environment.save_to_directory: "path overwrite",
    Environment.load_from_directory: "path",
    Environment.from_conda_specification: "name file_path",
    Environment.from_pip_requirements: "name file_path pip_version",
    Environment.from_dockerfile: "name dockerfile conda_specification pip_requirements",
    Environment.from_docker_image: "name image container_registry conda_specification pip_requirements",
    CondaDependencies.__init__: "conda_dependencies_file_path",
    CondaDependencies.create: "pip_indexurl pip_packages conda_packages python_version pin_sdk_version",
    CondaDependencies.save_to_file: "base_directory conda_file_path",
    LocalWebservice.__init__: "workspace name must_exist",
    LocalWebservice.deploy_configuration: "port",
    LocalWebservice.wait_for_deployment: "show_output timeout_sec",
    LocalWebservice.update_deployment_state: "must_exist",
    LocalWebservice.run: "input_data",
    LocalWebservice.get_logs: "num_lines raw init",
    LocalWebservice.update: "models image_config deployment_config wait inference_config",
    LocalWebservice.reload: "wait",
    LocalWebservice.delete: "delete_cache delete_image delete_volume",
    LocalWebservice.list: "workspace model_name model_id all",
    Webservice.list: "workspace compute_type image_name image_id model_name model_id tags properties image_digest",
}


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__qualname__)
def test_a_call_takes_what_azure_ml_takes(call: Callable[..., object]) -> None:
    names = [name for name in inspect.signature(call).parameters if name != "self" and not name.startswith("_")]
    assert names[: len(CALLS[call].split())] == CALLS[call].split()


@pytest.mark.parametrize(
    ("call", "name", "value"),
    [
        (Model.download, "target_dir", "."),
        (Model.download, "exist_ok", False),
        (LocalWebservice.get_logs, "num_lines", 5000),
        (LocalWebservice.wait_for_deployment, "show_output", False),
        (LocalWebservice.update, "wait", False),
        (LocalWebservice.deploy_configuration, "port", None),
        (Model.deploy, "overwrite", False),
        (Environment.save_to_directory, "overwrite", False),
    ],
)
def test_defaults_are_azure_mls(call: Callable[..., object], name: str, value: object) -> None:
    assert inspect.signature(call).parameters[name].default == value


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("core", "Workspace Model Environment Webservice"),
        ("core.workspace", "Workspace"),
        ("core.model", "Model InferenceConfig ModelPackage"),
        ("core.environment", "Environment"),
        ("core.conda_dependencies", "CondaDependencies"),
        ("core.webservice", "Webservice LocalWebservice WebserviceException"),
        ("core.webservice.webservice", "Webservice WebserviceException"),
        ("core.webservice.local", "LocalWebservice LocalWebserviceDeploymentConfiguration"),
        (
            "exceptions",
            "AzureMLException UserErrorException WebserviceException ModelNotFoundException ModelPathNotFoundException",
        ),
    ],
)
def test_names_are_where_azure_ml_has_them(module: str, names: str) -> None:
    there = importlib.import_module(f"localmodel.azure.{module}")
    assert [name for name in names.split() if not hasattr(there, name)] == []


def test_framework_words() -> None:
    words = {name: value for name, value in vars(Model.Framework).items() if name.isupper()}
    assert words == {
        "CUSTOM": "Custom",
        "TENSORFLOW": "TensorFlow",
        "SCIKITLEARN": "ScikitLearn",
        "ONNX": "Onnx",
        "TFKERAS": "TfKeras",
        "PYTORCH": "PyTorch",
        "MULTI": "Multi",
    }


def test_states() -> None:
    states = {value for name, value in vars(LocalWebservice).items() if name.startswith("STATE_")}
    assert states == {"deploying", "running", "failed", "deleted", "unknown"}


def test_the_version_that_notebooks_print_first() -> None:
    assert localmodel.__version__ == importlib.import_module("localmodel.azure.core").VERSION
