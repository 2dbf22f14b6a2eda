"""Azure ML's SDK v2: its names and calls, what becomes of its entities' fields, and what is refused."""

from __future__ import annotations

import importlib
import inspect
import io
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from localmodel.azure.ai.ml import (
    MLClient,
    _load,
    _manifest,
    load_environment,
    load_model,
    load_online_deployment,
    load_online_endpoint,
)
from localmodel.azure.ai.ml.entities import (
    BuildContext,
    CodeConfiguration,
    DefaultScaleSettings,
    Environment,
    KubernetesOnlineDeployment,
    KubernetesOnlineEndpoint,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
    OnlineDeployment,
    OnlineRequestSettings,
    ProbeSettings,
    ResourceRequirementsSettings,
    ResourceSettings,
    TargetUtilizationScaleSettings,
)
from localmodel.azure.ai.ml.exceptions import (
    UnsupportedOperationError,
    UserErrorException,
    ValidationException,
)
from localmodel.azure.ai.ml.operations import (
    EnvironmentOperations,
    ModelOperations,
    OnlineDeploymentOperations,
    OnlineEndpointOperations,
)
from localmodel.azure.identity import DefaultAzureCredential
from localmodel.azureml_files.draft import At, Draft, ModelFile
from localmodel.errors import UserError

# The arguments of azure-ai-ml that programs name, in its order where it has one.
CALLS = {
    MLClient.__init__: "credential subscription_id resource_group_name workspace_name registry_name",
    MLClient.from_config: "credential path file_name",
    OnlineEndpointOperations.begin_create_or_update: "endpoint local",
    OnlineEndpointOperations.get: "name local",
    OnlineEndpointOperations.list: "local",
    OnlineEndpointOperations.begin_delete: "name local",
    OnlineEndpointOperations.invoke: "endpoint_name request_file deployment_name input_data params_override local",
    OnlineDeploymentOperations.begin_create_or_update: "deployment local vscode_debug skip_script_validation "
    "local_enable_gpu",
    OnlineDeploymentOperations.get: "name endpoint_name local",
    OnlineDeploymentOperations.list: "endpoint_name local",
    OnlineDeploymentOperations.begin_delete: "name endpoint_name local",
    OnlineDeploymentOperations.get_logs: "name endpoint_name lines container_type local",
    ModelOperations.create_or_update: "model",
    ModelOperations.get: "name version label",
    ModelOperations.list: "name stage",
    ModelOperations.download: "name version download_path",
    EnvironmentOperations.create_or_update: "environment",
    EnvironmentOperations.get: "name version label",
    EnvironmentOperations.list: "name",
    ManagedOnlineEndpoint.__init__: "name tags properties auth_mode description location traffic mirror_traffic "
    "identity scoring_uri openapi_uri provisioning_state kind public_network_access",
    KubernetesOnlineEndpoint.__init__: "name tags properties auth_mode description location traffic mirror_traffic "
    "identity scoring_uri openapi_uri provisioning_state kind compute",
    ManagedOnlineDeployment.__init__: "name endpoint_name tags properties description model data_collector "
    "code_configuration environment app_insights_enabled scale_settings request_settings liveness_probe "
    "readiness_probe environment_variables instance_count instance_type model_mount_path code_path scoring_script "
    "provisioning_state egress_public_network_access",
    Model.__init__: "name version type path utc_time_created flavors description tags properties stage",
    Environment.__init__: "name version description image build conda_file tags properties datastore",
    BuildContext.__init__: "dockerfile_path path",
    CodeConfiguration.__init__: "code scoring_script",
    OnlineRequestSettings.__init__: "max_concurrent_requests_per_instance request_timeout_ms max_queue_wait_ms",
    ProbeSettings.__init__: "failure_threshold success_threshold timeout period initial_delay",
    ResourceRequirementsSettings.__init__: "requests limits",
    ResourceSettings.__init__: "cpu memory gpu",
    load_online_deployment: "source relative_origin params_override",
}
BLUE = """
name: blue
endpoint_name: churn
model: {path: ../model.pkl}
code_configuration: {code: src, scoring_script: score.py}
environment: {image: ubuntu, conda_file: conda.yml}
environment_variables: {DEBUG: yes, LEVEL: 3}
instance_type: Standard_DS3_v2
"""


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__qualname__)
def test_a_call_takes_what_azure_ml_takes(call: Callable[..., object]) -> None:
    names = [name for name in inspect.signature(call).parameters if name not in ("self", "_")]
    assert names[: len(CALLS[call].split())] == CALLS[call].split()


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("ai.ml", "MLClient load_online_endpoint load_online_deployment load_model load_environment VERSION"),
        ("ai.ml.constants", "AssetTypes"),
        ("ai.ml.entities._deployment.resource_requirements_settings", "ResourceRequirementsSettings"),
        ("ai.ml.entities._deployment.container_resource_settings", "ResourceSettings"),
        ("ai.ml.exceptions", "MlException DeploymentException LocalEndpointNotFoundError ValidationException"),
        ("core.exceptions", "AzureError HttpResponseError ResourceNotFoundError ResourceExistsError"),
        ("identity", "DefaultAzureCredential AzureCliCredential ManagedIdentityCredential"),
    ],
)
def test_names_are_where_the_azure_packages_have_them(module: str, names: str) -> None:
    there = importlib.import_module(f"localmodel.azure.{module}")
    assert [name for name in names.split() if not hasattr(there, name)] == []


def client() -> MLClient:
    return MLClient(DefaultAzureCredential(), "<SUBSCRIPTION_ID>", "<RESOURCE_GROUP>", "<AML_WORKSPACE_NAME>")


@pytest.mark.parametrize(
    "call",
    [
        lambda: client().begin_create_or_update(ManagedOnlineEndpoint(name="churn")),
        lambda: client().begin_create_or_update(ManagedOnlineDeployment(name="blue")),
        lambda: client().online_endpoints.get("churn"),
        lambda: client().online_endpoints.list(),
        lambda: client().online_endpoints.begin_delete("churn"),
        lambda: client().online_endpoints.invoke("churn", "request.json"),
        lambda: client().online_deployments.get("blue", "churn"),
        lambda: client().online_deployments.list("churn"),
        lambda: client().online_deployments.begin_delete("blue", "churn"),
        lambda: client().online_deployments.get_logs("blue", "churn"),
    ],
)
def test_a_call_for_the_cloud_is_refused_with_what_to_do(call: Callable[[], object]) -> None:
    with pytest.raises(
        UnsupportedOperationError, match=r"online_\w+\.\w+: .*: add local=True, or import azure\.ai\.ml"
    ):
        call()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: client().jobs, "MLClient.jobs is not part of localmodel.azure"),
        (lambda: MLClient(registry_name="azureml"), "registry_name: .*lmd model pull"),
        (lambda: client().online_endpoints.get_keys("churn"), "has no keys: every program here can call it"),
        (
            lambda: DefaultAzureCredential().get_token("https://management.azure.com/.default"),
            "nothing asks for a token",
        ),
        (
            lambda: client().online_deployments.begin_create_or_update(
                ManagedOnlineDeployment(name="blue", endpoint_name="churn"), local=True, vscode_debug=True
            ),
            "without vscode_debug, then lmd debug churn-blue lets VS Code into the deployment",
        ),
        (
            lambda: client().online_deployments.begin_create_or_update(
                ManagedOnlineDeployment(name="blue", endpoint_name="churn"), local=True, local_enable_gpu=True
            ),
            "leave local_enable_gpu out",
        ),
        (lambda: client().online_endpoints.invoke("churn", local=True), "give request_file"),
        (lambda: client().online_endpoints.invoke("churn", input_data="x", local=True), "for batch endpoints"),
        (lambda: client().models.create_or_update(Model(path="model.pkl")), "give the model a name"),
        (lambda: client().environments.create_or_update(Environment(image="ubuntu")), "give the environment a name"),
        (lambda: client().models.get("churn", "1", "latest"), "version or label, not both"),
        (lambda: client().models.get("churn", "one"), "has no 'one'"),
    ],
)
def test_what_has_no_meaning_here_is_refused_with_what_to_do(call: Callable[[], object], text: str) -> None:
    with pytest.raises((UserErrorException, ValidationException, AttributeError), match=text):
        call()


@pytest.mark.parametrize("name", [None, "", "a_b", "-a", "a-", "../a", "a" * 33])
def test_a_name_that_no_endpoint_can_have_is_refused(name: Any) -> None:
    with pytest.raises(ValidationException, match="is not a valid name: use letters, digits and '-'"):
        client().online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name=name), local=True)


def asked(**values: Any) -> Draft:
    return _manifest.read_draft(ManagedOnlineDeployment(**{"name": "blue", **values}), "churn-blue")


def test_a_deployment_asks_for_what_its_yaml_would() -> None:
    draft = _manifest.read_draft(
        KubernetesOnlineDeployment(
            name="blue",
            endpoint_name="churn",
            model=Model(path="model/model.pkl", tags={"area": "demo"}),
            environment=Environment(conda_file="conda.yml", image="ubuntu:24.04"),
            code_path="src",
            scoring_script="score.py",
            instance_count=2,
            environment_variables={"LEVEL": "3", "WORKER_COUNT": "4"},
            request_settings=OnlineRequestSettings(request_timeout_ms=5000),
            readiness_probe=ProbeSettings(initial_delay=10, period=5, failure_threshold=4),
            resources=ResourceRequirementsSettings(
                ResourceSettings(cpu="100m", memory="0.5Gi"), ResourceSettings(gpu="1")
            ),
        ),
        "churn-blue",
    )
    assert draft.name and draft.name.text == "churn-blue"
    assert draft.code and draft.code.text == str(Path("src").absolute())
    assert draft.entry_script and draft.entry_script.text == "score.py"
    assert isinstance(draft.model, ModelFile) and draft.model.name == "churn-blue"
    assert draft.model.path == At(str(Path("model/model.pkl").absolute()), "deployment blue: model.path")
    assert dict(draft.model.tags) == {"area": "demo"}
    assert isinstance(draft.environment.conda, At) and draft.environment.conda.text == str(Path("conda.yml").absolute())
    assert draft.spec == {
        "env": [{"name": "LEVEL", "value": "3"}],
        "server": {"workers": 4, "scoringTimeoutSeconds": 5},
        "replicas": 2,
        "resources": {"requests": {"cpu": "100m", "memory": "0.5Gi"}, "limits": {"nvidia.com/gpu": "1"}},
        "update": {"progressDeadlineSeconds": 30},
    }


def test_what_is_in_the_store_is_asked_for_by_reference() -> None:
    for model in ("churn:3", "azureml:churn:3", Model(name="churn", version="3", id="azureml:churn:3")):
        assert asked(model=model).model == At("azureml:churn:3", "deployment blue: model")
    for environment in (
        "env@latest",
        Environment(name="env", conda_file={"dependencies": []}, id="azureml:env@latest"),
    ):
        reference = asked(model="churn", environment=environment).environment.reference
        assert reference == At("azureml:env@latest", "deployment blue: environment")


# A value for each field of the entities that an entity can be asked for with.
SET = {
    Model: {
        "path": "model.pkl",
        "flavors": {"sklearn": {"version": "1"}},
        **dict.fromkeys(("name", "version", "type", "utc_time_created", "description", "stage"), "x"),
        "tags": {"a": "b"},
        "properties": {"a": "b"},
    },
    Environment: {
        "image": "ubuntu",
        "conda_file": "conda.yml",
        **dict.fromkeys(("name", "version", "description", "datastore"), "x"),
        "tags": {"a": "b"},
        "properties": {"a": "b"},
    },
    KubernetesOnlineDeployment: {
        "resources": ResourceRequirementsSettings(ResourceSettings("1", "1Gi"), ResourceSettings("2", "2Gi", "1")),
    },
    ManagedOnlineDeployment: {
        "name": "blue",
        "code_configuration": CodeConfiguration("src", "score.py"),
        "data_collector": {"collections": {}},
        "app_insights_enabled": True,
        "scale_settings": TargetUtilizationScaleSettings(min_instances=1, max_instances=3),
        "request_settings": OnlineRequestSettings(1, 2, 3),
        "liveness_probe": ProbeSettings(failure_threshold=1, success_threshold=1, timeout=1, period=1, initial_delay=1),
        "readiness_probe": ProbeSettings(
            failure_threshold=1, success_threshold=1, timeout=1, period=1, initial_delay=1
        ),
        "environment_variables": {"A": "b"},
        "instance_count": 1,
        "tags": {"a": "b"},
        "properties": {"a": "b"},
        **dict.fromkeys(("endpoint_name", "description", "instance_type", "model_mount_path"), "x"),
        "egress_public_network_access": "enabled",
    },
}


def test_every_field_of_an_entity_is_converted_or_noted() -> None:
    inside = {"model": Model(**SET[Model]), "environment": Environment(**SET[Environment])}
    for kind in (ManagedOnlineDeployment, KubernetesOnlineDeployment):
        values = {**SET[ManagedOnlineDeployment], **inside, **(SET[kind])}
        names = {field.name for field in fields(kind)}
        not_set = names - values.keys() - {"code_path", "scoring_script", "provisioning_state"}
        assert not_set == set()
        draft = _manifest.read_draft(kind(**{name: values[name] for name in values if name in names}), "churn-blue")
        assert any("scale_settings" in note for note in draft.notes)
    for entity in (Model, Environment):
        assert {field.name for field in fields(entity)} - SET[entity].keys() - {
            "id",
            "build",
            "inference_config",
        } == set()


def test_fields_without_an_equivalent_are_refused() -> None:
    with pytest.raises(UserError, match=r"deployment blue: environment\.inference_config: the image has a server"):
        asked(code_path="src", scoring_script="score.py", environment=Environment(image="x", inference_config={"a": 1}))
    with pytest.raises(UserError, match=r"deployment blue: code_configuration\.scoring_script is missing: Triton"):
        asked(model=Model(path="model", type="triton_model"))
    with pytest.raises(UserError, match="deployment blue: instance_count: a whole number expected"):
        asked(model="churn", instance_count="many")
    with pytest.raises(UserError, match=r"deployment blue: environment\.build: either build, or image and conda_file"):
        asked(model="churn", environment=Environment(image="x", build=BuildContext(path=".")))


def test_a_local_call_returns_what_can_be_waited_for_as_a_poller() -> None:
    endpoint = ManagedOnlineEndpoint(name="churn")
    endpoint.wait()
    assert endpoint.result() is endpoint
    assert (endpoint.done(), endpoint.status()) == (True, "Succeeded")


def test_an_entity_is_printed_as_yaml() -> None:
    endpoint = ManagedOnlineEndpoint(name="churn", traffic={"blue": 100}, scoring_uri="http://localhost:6789/score")
    assert str(endpoint) == (
        "name: churn\nauth_mode: key\ntraffic:\n  blue: 100\nscoring_uri: http://localhost:6789/score\n"
    )
    assert repr(ResourceSettings(cpu="1")) == "ResourceSettings(cpu='1')"


@pytest.mark.parametrize(
    "deployment",
    [
        ManagedOnlineDeployment(
            name="blue",
            model=Model(path="model.pkl"),
            environment=Environment(build=BuildContext(path="docker", dockerfile_path="Dockerfile.gpu")),
            code_configuration=CodeConfiguration("src", "score.py"),
            readiness_probe=ProbeSettings(period=5),
            scale_settings=DefaultScaleSettings(),
        ),
        KubernetesOnlineDeployment(
            name="blue",
            model=Model(name="churn", id="azureml:churn:1"),
            resources=ResourceRequirementsSettings(ResourceSettings("1")),
        ),
    ],
)
def test_a_deployment_comes_back_as_it_was_kept(deployment: OnlineDeployment) -> None:
    back = _load.deployment(deployment._document(), deployment.type.lower())
    assert type(back) is type(deployment)
    assert back._document() == deployment._document()


def named(text: str, name: str) -> io.StringIO:
    """The text as an open file."""
    file = io.StringIO(text)
    file.name = name  # type: ignore[attr-defined]
    return file


def test_yaml_is_read_with_paths_beside_the_file_and_texts_as_they_are_written() -> None:
    deployment = load_online_deployment(
        named(BLUE, "/place/azure/blue.yml"), params_override=[{"name": "green"}, {"model.name": "churn"}]
    )
    assert isinstance(deployment, ManagedOnlineDeployment) and isinstance(deployment.model, Model)
    assert (deployment.name, deployment.endpoint_name, deployment.model.name) == ("green", "churn", "churn")
    assert deployment.model.path == "/place/model.pkl"
    assert deployment.code_configuration == CodeConfiguration("/place/azure/src", "score.py")
    assert isinstance(deployment.environment, Environment)
    assert deployment.environment.conda_file == "/place/azure/conda.yml"
    assert deployment.environment_variables == {"DEBUG": "yes", "LEVEL": "3"}
    kubernetes = named("name: blue\nmodel: ./model\nresources: {limits: {cpu: 1}}\n", "/place/blue.yml")
    other = load_online_deployment(kubernetes, relative_origin="/elsewhere/blue.yml")
    assert isinstance(other, KubernetesOnlineDeployment) and isinstance(other.model, Model)
    assert other.model.path == "/elsewhere/model"
    endpoint = load_online_endpoint(named("name: churn\nauth_mode: key\ncompute: azureml:k8s\n", "endpoint.yml"))
    assert isinstance(endpoint, KubernetesOnlineEndpoint) and endpoint.name == "churn"
    model = load_model(named("name: churn\nversion: 3\npath: model.pkl\ntags: {year: 2026}\n", "/place/model.yml"))
    assert (model.path, model.tags) == ("/place/model.pkl", {"year": "2026"})
    environment = load_environment(named("name: env\nbuild: {path: docker}\n", "/place/environment.yml"))
    assert environment.build == BuildContext(path="/place/docker")


@pytest.mark.parametrize(
    ("load", "text", "problem"),
    [
        (
            load_online_deployment,
            f"{BLUE}instance_typ: x\n",
            r"blue\.yml:9: instance_typ: .* did you mean instance_type",
        ),
        (load_online_endpoint, "name: churn\nauth: key\n", r"blue\.yml:2: auth: an online endpoint has no such field"),
        (load_model, "name: churn\nfile: model.pkl\n", r"blue\.yml:2: file: Model has no such field"),
        (load_environment, "- a\n", r"blue\.yml: a mapping is expected"),
    ],
)
def test_a_wrong_file_is_told_with_its_line(load: Callable[..., object], text: str, problem: str) -> None:
    with pytest.raises(ValidationException, match=problem):
        load(named(text, "blue.yml"))
    with pytest.raises(ValidationException, match="name has no fields"):
        load_model(named("name: churn\n", "model.yml"), params_override=[{"name.first": "x"}])
