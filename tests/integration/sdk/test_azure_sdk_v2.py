"""Azure ML's SDK v2: its examples' calls for local endpoints, one after the other, with processes.

One endpoint with the deployment `blue` is shared by all tests; each leaves it as it was.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from localmodel import Client
from localmodel.azure.ai.ml import MLClient, load_online_deployment
from localmodel.azure.ai.ml.constants import AssetTypes
from localmodel.azure.ai.ml.entities import (
    CodeConfiguration,
    Environment,
    KubernetesOnlineEndpoint,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
)
from localmodel.azure.ai.ml.exceptions import (
    LocalEndpointInFailedStateError,
    LocalEndpointNotFoundError,
    MultipleLocalDeploymentsFoundError,
    ValidationException,
)
from localmodel.azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from localmodel.azure.identity import DefaultAzureCredential

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
SCORE = """
import json
import os


def init():
    global factor
    with open(os.path.join(os.getenv("AZUREML_MODEL_DIR"), "factor.txt")) as file:
        factor = float(file.read())
    print("the factor is", factor)


def run(raw_data):
    return [factor * row for row in json.loads(raw_data)["data"]]
"""


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, environments: Path) -> Iterator[Path]:
    """LOCALMODEL_HOME, and a working folder with the example's files, for all tests of this module."""
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("folder")
    (home / "environments").symlink_to(environments)
    for path, content in {
        "onlinescoring/score.py": SCORE,
        "environment/conda.yaml": f"dependencies: [python={PYTHON}, pip: [azureml-defaults==1.53.0]]",
        "model/factor.txt": "2",
        "request.json": '{"data": [1, 2]}',
    }.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCALMODEL_HOME", str(home))
        patch.delenv("LOCALMODEL_TARGET", raising=False)
        patch.chdir(folder)
        yield home
        for deployment in Client().list():
            deployment.delete()


@pytest.fixture(scope="module", name="ml_client")
def client() -> MLClient:
    return MLClient(DefaultAzureCredential(), "<SUBSCRIPTION_ID>", "<RESOURCE_GROUP>", "<AML_WORKSPACE_NAME>")


def deployment(name: str, **changes: object) -> ManagedOnlineDeployment:
    """A deployment as the public example has it."""
    values: dict[str, object] = {
        "model": Model(path="model/factor.txt"),
        "environment": Environment(
            conda_file="environment/conda.yaml", image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04:latest"
        ),
        "code_configuration": CodeConfiguration(code="onlinescoring", scoring_script="score.py"),
        "endpoint_name": "Endpt-1",
        "instance_type": "Standard_DS3_v2",
        "instance_count": 1,
    }
    return ManagedOnlineDeployment(name=name, **{**values, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module", autouse=True)
def blue(home: Path, ml_client: MLClient) -> None:
    """The endpoint and its deployment."""
    endpoint = ManagedOnlineEndpoint(
        name="Endpt-1", description="this is a sample online endpoint", auth_mode="key", tags={"foo": "bar"}
    )
    created = ml_client.online_endpoints.begin_create_or_update(endpoint, local=True)
    assert (created.provisioning_state, created.scoring_uri) == ("Succeeded", None)
    with pytest.raises(LocalEndpointNotFoundError, match="endpt-1 has no deployment; online_deployments"):
        ml_client.online_endpoints.invoke("Endpt-1", request_file="request.json", local=True)
    made = ml_client.online_deployments.begin_create_or_update(deployment=deployment("blue"), local=True)
    assert made.result().provisioning_state == "Succeeded"


def ask(ml_client: MLClient, name: str | None = None, endpoint: str = "Endpt-1") -> object:
    text = ml_client.online_endpoints.invoke(
        endpoint_name=endpoint, request_file="request.json", deployment_name=name, local=True
    )
    return json.loads(text)


def test_the_public_example(ml_client: MLClient) -> None:
    endpoint = ml_client.online_endpoints.get(name="Endpt-1", local=True)
    assert (endpoint.provisioning_state, endpoint.tags, endpoint.location) == ("Succeeded", {"foo": "bar"}, "local")
    assert endpoint.scoring_uri and endpoint.scoring_uri.startswith("http://localhost:")
    log = ml_client.online_deployments.get_logs(name="blue", endpoint_name="Endpt-1", local=True, lines=50)
    assert "the factor is 2.0" in log
    answer = ml_client.online_endpoints.invoke(endpoint_name="Endpt-1", request_file="request.json", local=True)
    assert answer == "[2.0, 4.0]"
    assert ask(ml_client, "blue") == [2, 4]
    assert [listed.name for listed in ml_client.online_endpoints.list(local=True)] == ["Endpt-1"]
    (blue,) = ml_client.online_deployments.list("Endpt-1", local=True)
    assert (blue.name, blue.endpoint_name, blue.instance_type) == ("blue", "endpt-1", "Standard_DS3_v2")


def test_a_deployment_that_was_looked_up_is_changed_and_deployed_again(ml_client: MLClient) -> None:
    uri = ml_client.online_endpoints.get("Endpt-1", local=True).scoring_uri
    Path("model/factor.txt").write_text("3")
    blue = ml_client.online_deployments.get(name="blue", endpoint_name="Endpt-1", local=True)
    blue.instance_count = 2
    ml_client.begin_create_or_update(blue, local=True)
    assert ask(ml_client) == [3, 6]
    assert ml_client.online_endpoints.get("Endpt-1", local=True).scoring_uri == uri
    assert ml_client.online_deployments.get("blue", "Endpt-1", local=True).instance_count == 2
    Path("model/factor.txt").write_text("2")
    Client().get("endpt-1-blue").reload()
    assert ask(ml_client) == [2, 4]


def test_deployments_side_by_side_and_their_traffic(ml_client: MLClient) -> None:
    factor = Path("five/factor.txt")
    factor.parent.mkdir()
    factor.write_text("5")
    model = ml_client.models.create_or_update(Model(name="five", path="five/factor.txt", type=AssetTypes.CUSTOM_MODEL))
    ml_client.online_deployments.begin_create_or_update(deployment("green", model=model), local=True)
    try:
        assert (ask(ml_client, "green"), ask(ml_client, "blue")) == ([5, 10], [2, 4])
        with pytest.raises(MultipleLocalDeploymentsFoundError, match="blue, green: name one with deployment_name"):
            ask(ml_client)
        endpoint = ml_client.online_endpoints.get("Endpt-1", local=True)
        endpoint.traffic = {"blue": 0, "green": 100}
        endpoint = ml_client.online_endpoints.begin_create_or_update(endpoint, local=True).result()
        assert ask(ml_client) == [5, 10]
        assert endpoint.scoring_uri == Client().get("endpt-1-green").url
        green = ml_client.online_deployments.get("green", "Endpt-1", local=True)
        assert green.model == "azureml:five:1"
    finally:
        ml_client.online_deployments.begin_delete(name="green", endpoint_name="Endpt-1", local=True)
    assert ask(ml_client) == [2, 4]
    with pytest.raises(LocalEndpointNotFoundError, match="endpt-1 has no deployment green on this machine"):
        ml_client.online_deployments.get("green", "Endpt-1", local=True)


def test_a_script_that_fails_is_shown_and_the_deployment_before_it_serves(ml_client: MLClient) -> None:
    Path("broken").mkdir()
    Path("broken/score.py").write_text(SCORE.replace("global factor", "raise KeyError('factor')"))
    with pytest.raises(LocalEndpointInFailedStateError, match="KeyError: 'factor'") as raised:
        ml_client.online_deployments.begin_create_or_update(
            deployment("blue", code_configuration=CodeConfiguration("broken", "score.py")), local=True
        )
    assert raised.value.traceback.rstrip().endswith("KeyError: 'factor'")
    assert ml_client.online_deployments.get("blue", "Endpt-1", local=True).provisioning_state == "Failed"
    assert ask(ml_client) == [2, 4]
    ml_client.online_deployments.begin_create_or_update(deployment("blue"), local=True)
    assert ml_client.online_endpoints.get("Endpt-1", local=True).provisioning_state == "Succeeded"


def test_a_first_script_that_fails_leaves_its_log(ml_client: MLClient) -> None:
    Path("never").mkdir()
    Path("never/score.py").write_text("def init():\n    raise KeyError('never')\ndef run(raw_data):\n    return 1\n")
    wanted = deployment("blue", endpoint_name="never", code_configuration=CodeConfiguration("never", "score.py"))
    with pytest.raises(LocalEndpointInFailedStateError, match="KeyError: 'never'"):
        ml_client.online_deployments.begin_create_or_update(wanted, local=True)
    endpoint = ml_client.online_endpoints.get("never", local=True)
    assert (endpoint.provisioning_state, endpoint.scoring_uri) == ("Failed", None)
    assert "KeyError: 'never'" in ml_client.online_deployments.get_logs("blue", "never", lines=5, local=True)
    with pytest.raises(LocalEndpointInFailedStateError, match=r"never-blue is not serving: .*KeyError"):
        ask(ml_client, endpoint="never")
    ml_client.online_endpoints.begin_delete("never", local=True)


def test_a_request_that_fails_is_told_with_the_scripts_traceback(ml_client: MLClient) -> None:
    Path("wrong.json").write_text('{"rows": []}')
    with pytest.raises(HttpResponseError, match="KeyError: 'data'") as raised:
        ml_client.online_endpoints.invoke("Endpt-1", "wrong.json", local=True)
    assert raised.value.status_code == 500 and raised.value.traceback.rstrip().endswith("KeyError: 'data'")
    Path("text.json").write_text("data")
    for file, problem in (("text.json", "text.json: "), ("nowhere.json", "nowhere.json: no such file")):
        with pytest.raises(ValidationException, match=f"request_file {problem}"):
            ml_client.online_endpoints.invoke("Endpt-1", file, local=True)


def test_what_is_missing_or_taken_is_told_and_leaves_nothing(
    ml_client: MLClient,
) -> None:
    begin = ml_client.online_deployments.begin_create_or_update
    for wanted, kind, problem in (
        (deployment("red", model=Model(path="nowhere.pkl")), ValidationException, r"red: model\.path: .*nowhere\.pkl"),
        (deployment("red", model="nowhere:1"), ResourceNotFoundError, "deployment red: model: model nowhere is not"),
        (
            deployment("red", environment="env@latest"),
            ResourceNotFoundError,
            "red: environment: environment env is not",
        ),
        (
            deployment("red", code_configuration=CodeConfiguration("nowhere", "score.py")),
            ValidationException,
            r"red: code_configuration\.code: .*nowhere: no such folder",
        ),
        (deployment("r" * 32, endpoint_name="e" * 32), ValidationException, "at most 48 characters"),
    ):
        with pytest.raises(kind, match=problem):
            begin(wanted, local=True)
    Client().deploy("endpt-1-red", "onlinescoring/score.py", models="model/factor.txt", environment=[])
    with pytest.raises(ValidationException, match="endpt-1-red is the name of a deployment that was not made for this"):
        begin(deployment("red"), local=True)
    Client().get("endpt-1-red").delete()
    assert [listed.name for listed in ml_client.online_deployments.list("Endpt-1", local=True)] == ["blue"]
    with pytest.raises(LocalEndpointNotFoundError, match="endpoint nowhere does not exist on this machine"):
        ml_client.online_endpoints.begin_delete(name="nowhere", local=True)


def test_models_and_environments_are_those_of_the_store(ml_client: MLClient, tmp_path: Path) -> None:
    with pytest.raises(ResourceNotFoundError, match="Register it"):
        ml_client.models.get(name="factors", version="1")
    model = ml_client.create_or_update(Model(name="factors", path="model", tags={"year": 2026}, description="two"))
    assert (model.id, model.version, model.tags, model.description) == (
        "azureml:factors:1",
        "1",
        {"year": "2026"},
        "two",
    )
    again = ml_client.models.create_or_update(
        Model(name="factors", path="model", tags={"year": 2026}, description="two")
    )
    assert again.version == "1"
    with pytest.raises(ValidationException, match="this is 2, not 7: leave version out"):
        ml_client.models.create_or_update(Model(name="factors", path="request.json", version="7"))
    assert ml_client.models.get(name="factors", label="latest").version == "1"
    assert [listed.id for listed in ml_client.models.list(name="factors")] == ["azureml:factors:1"]
    assert "factors" in {listed.name for listed in ml_client.models.list()}
    ml_client.models.download("factors", "1", tmp_path)
    assert (tmp_path / "model" / "factor.txt").read_text() == "2"
    environment = ml_client.environments.create_or_update(
        Environment(name="plain", conda_file="environment/conda.yaml")
    )
    assert environment.id == ml_client.environments.get(name="plain", version="1").id == "azureml:plain:1"
    assert isinstance(environment.conda_file, dict) and f"python={PYTHON}" in environment.conda_file["dependencies"]
    assert [listed.name for listed in ml_client.environments.list()] == ["plain"]


def test_yaml_makes_a_deployment_of_an_endpoint_that_nobody_created(ml_client: MLClient, home: Path) -> None:
    Path("blue.yml").write_text(
        f"name: blue\nendpoint_name: churn\nmodel: {{path: model/factor.txt}}\n"
        "code_configuration: {code: onlinescoring, scoring_script: score.py}\n"
        f"environment: {{image: mcr.microsoft.com/azureml/x, conda_file: {{dependencies: [python={PYTHON}]}}}}\n"
        "environment_variables: {LEVEL: 3}\n"
    )
    ml_client.online_deployments.begin_create_or_update(load_online_deployment("blue.yml"), local=True)
    assert ask(ml_client, endpoint="churn") == [2, 4]
    assert Client().get("churn-blue").manifest["spec"]["env"] == [{"name": "LEVEL", "value": "3"}]
    endpoint = ml_client.begin_create_or_update(KubernetesOnlineEndpoint(name="churn", compute="k8s"), local=True)
    assert isinstance(endpoint, KubernetesOnlineEndpoint) and endpoint.scoring_uri == Client().get("churn-blue").url
    assert ml_client.online_endpoints.begin_delete(name="churn", local=True) is None
    assert "churn-blue" not in {listed.name for listed in Client().list()}
    assert not (home / "azure-endpoints" / "churn").exists()
