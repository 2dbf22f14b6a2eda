"""A model alone becomes an endpoint: from the command line, from Python, from MLflow, and with Azure ML's names."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import httpx
import joblib
import numpy as np
import pytest
import sklearn
from azure_sdk import workspace  # noqa: F401 - a fixture
from sklearn.linear_model import LinearRegression
from support.lmd_command import Lmd, free_port
from support.sdk_given import given_client, given_home  # noqa: F401 - fixtures

from localmodel import Client, UserError
from localmodel.azure.ai.ml import MLClient
from localmodel.azure.ai.ml import entities as v2_entities
from localmodel.azure.ai.ml.constants import AssetTypes
from localmodel.azure.core import Model, Workspace
from localmodel.azure.core.resource_configuration import ResourceConfiguration
from localmodel.azure.core.webservice import LocalWebservice
from localmodel.azure.exceptions import UserErrorException
from localmodel.store import Store

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
MLMODEL = """
flavors:
  python_function: {{loader_module: mlflow.sklearn, model_path: model.pkl, python_version: {python}}}
  sklearn: {{pickled_model: model.pkl, serialization_format: pickle, sklearn_version: {version}}}
"""


def trained(slope: float) -> LinearRegression:
    return LinearRegression().fit(np.array([[0.0], [1.0]]), [0.0, slope])


def asked(port: int, body: object) -> object:
    return httpx.post(f"http://127.0.0.1:{port}/score", json=body, timeout=60).json()


def test_a_file_is_served_and_a_newer_one_takes_its_place(lmd: Lmd) -> None:
    model, port = lmd.folder / "slope.pkl", free_port()
    joblib.dump(trained(2), model)
    assert "slope: rebuild" in lmd("plan", "slope.pkl").out
    assert not (lmd.home / "store" / "models").exists(), "a plan registers nothing"
    assert lmd("apply", "slope.pkl", "--port", str(port)).code == 0
    assert asked(port, {"data": [[3]]}) == pytest.approx([6])
    assert lmd.status("slope")["scoring"] == f"generated for sklearn (scikit-learn=={sklearn.__version__})"
    joblib.dump(trained(5), model)
    assert "swap: --model changed: slope" in lmd("apply", "slope").err
    assert asked(port, {"input_data": [[3]]}) == pytest.approx([15])
    assert lmd("apply", "slope:1").code == 0
    assert asked(port, {"data": [[3]]}) == pytest.approx([6])
    (lmd.folder / "net.pt").write_bytes(b"PK")
    refused = lmd("apply", "net.pt", "--name", "slope", "--replace")
    assert refused.code == 1 and "error: net.pt: PyTorch's weights need the class of the model" in refused.err
    assert asked(port, {"data": [[3]]}) == pytest.approx([6])


def rate(rooms: int, price: float = 1.5) -> dict[str, float]:
    """A function without a model."""
    return {"rate": float(np.multiply(rooms, price))}


def test_objects_and_functions_of_a_program_are_served(client: Client) -> None:
    slope = client.deploy("slope", trained(2), port=free_port())
    assert slope.score({"data": [[3]]}) == pytest.approx([6])
    environment = slope.manifest["spec"]["environment"]
    assert environment["python"] == PYTHON and f"scikit-learn=={sklearn.__version__}" in environment["requirements"]
    slope.update(models="slope:1", variables={"A": "b"})
    assert slope.score({"data": [[3]]}) == pytest.approx([6]) and "scoring" not in slope.manifest["spec"]
    rated = client.deploy("rated", rate, port=free_port())
    assert rated.score({"rooms": 4}) == {"rate": 6.0}
    joblib.dump(trained(7), "model.pkl")
    again = client.deploy("slope", "model.pkl", port=free_port())
    assert again.score({"data": [[3]]}) == pytest.approx([21])
    joblib.dump(trained(8), "model.pkl")
    again.reload()
    assert again.score({"data": [[3]]}) == pytest.approx([24])
    for wrong, said in (
        ([1], "script: give a path of"),
        (LinearRegression, "script: give a path of"),
        (None, "script: "),
    ):
        with pytest.raises(UserError, match=said):
            client.deploy("slope", wrong)
    with pytest.raises(UserError, match="a model is served without a script only by itself"):
        client.deploy("slope", trained(1), models="slope:1")


def test_azure_mls_deployment_without_an_inference_configuration(ws: Workspace) -> None:
    joblib.dump(trained(2), "sklearn_model.pkl")
    model = Model.register(
        workspace=ws,
        model_name="slope",
        model_path="sklearn_model.pkl",
        model_framework=Model.Framework.SCIKITLEARN,
        model_framework_version=sklearn.__version__,
        resource_configuration=ResourceConfiguration(cpu=1, memory_in_gb=0.5),
    )
    config = LocalWebservice.deploy_configuration(port=free_port())
    service = Model.deploy(ws, "slope", [model], deployment_config=config)
    service.wait_for_deployment()
    assert service.run({"data": [[3]]}) == pytest.approx([6])
    with pytest.raises(UserErrorException, match="only one model by itself"):
        Model.deploy(ws, "slope", [])


def test_azure_mls_deployment_of_a_model_of_mlflow_without_code_with_sdk_v2(ws: Workspace) -> None:
    folder = Path("sklearn-slope/model")
    folder.mkdir(parents=True)
    (folder / "MLmodel").write_text(MLMODEL.format(python=PYTHON, version=sklearn.__version__))
    joblib.dump(trained(2), folder / "model.pkl")
    Path("rows.json").write_text('{"input_data": [[3.0]]}')
    model = v2_entities.Model(path=str(folder), type=AssetTypes.MLFLOW_MODEL, description="my sample mlflow model")
    blue = v2_entities.ManagedOnlineDeployment(name="blue", endpoint_name="slope", model=model, instance_count=1)
    ml_client = MLClient()
    ml_client.online_deployments.begin_create_or_update(blue, local=True)
    text = ml_client.online_endpoints.invoke("slope", "rows.json", deployment_name="blue", local=True)
    assert json.loads(text) == pytest.approx([6])


def test_a_model_of_mlflow_is_served_by_its_alias(lmd: Lmd, monkeypatch: pytest.MonkeyPatch) -> None:
    place, port = f"file://{lmd.folder}/mlruns", free_port()
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    client = pytest.importorskip("mlflow").MlflowClient(place)
    client.create_registered_model("slope")
    for version, factor in ((1, 2), (2, 5)):
        folder = lmd.folder / f"logged-{version}"
        folder.mkdir()
        (folder / "MLmodel").write_text(MLMODEL.format(python=PYTHON, version=sklearn.__version__))
        joblib.dump(trained(factor), folder / "model.pkl")
        client.create_model_version("slope", str(folder))
        client.set_registered_model_alias("slope", "champion", str(version))
        env = {"MLFLOW_TRACKING_URI": place}
        applied = lmd("apply", "models:/slope@champion", "--port", str(port), env=env)
        assert applied.code == 0 and f"version {version} of slope" in applied.err
        assert asked(port, {"inputs": [[3]]}) == pytest.approx([3 * factor])
    assert [model.version for model in Store(lmd.home / "store").models.list("slope")] == [1, 2]
    refused = lmd("apply", "models:/slope@nobody", env=env)
    assert refused.code == 1 and "error: models:/slope@nobody: " in refused.err and "nobody not found" in refused.err
    gone = lmd("apply", "models:/slope/1", env={"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"})
    assert gone.code == 1 and "asked at http://127.0.0.1:9" in gone.err
