"""Models of a real MLflow server: by their alias, after it has moved, and when the server does not give them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import joblib
import numpy as np
import pytest
import sklearn
from clients import SCRIPTS, interpreter
from mlflow import MlflowClient
from sklearn.linear_model import LinearRegression
from support.lmd_command import Lmd, free_port

from localmodel import UserError, mlflow_models
from localmodel.resource.spec import ModelRef
from localmodel.sdk.progress import LoggedProgress
from localmodel.store import Store
from localmodel.store.fetched import from_address

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
MLMODEL = f"""
flavors:
  python_function: {{loader_module: mlflow.sklearn, python_version: {PYTHON}}}
  sklearn: {{pickled_model: model.pkl, serialization_format: pickle, sklearn_version: {sklearn.__version__}}}
signature:
  inputs: '[{{"type": "tensor", "tensor-spec": {{"dtype": "float64", "shape": [-1, 1]}}}}]'
"""


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server's address; it has two versions of `churn`, of which the first is the champion."""
    folder = tmp_path_factory.mktemp("mlflow")
    command = [interpreter("mlflow_server"), "-W", "ignore", SCRIPTS / "mlflow_server.py", folder]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log) as process:
        assert process.stdout is not None
        port = process.stdout.readline().decode().strip()  # when it listens
        try:
            assert port, (folder / "log").read_text()
            register(f"http://127.0.0.1:{port}", folder)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def register(address: str, folder: Path) -> None:
    client = MlflowClient(address)
    client.create_registered_model("churn")
    run = client.create_run(client.create_experiment("demo")).info
    for version, slope in (1, 2), (2, 5):
        model = folder / f"model-{version}"
        model.mkdir()
        (model / "MLmodel").write_text(MLMODEL)
        joblib.dump(LinearRegression().fit(np.array([[0.0], [1.0]]), [0.0, slope]), model / "model.pkl")
        client.log_artifacts(run.run_id, str(model), model.name)
        client.create_model_version("churn", f"{run.artifact_uri}/{model.name}", run.run_id)
    client.set_registered_model_alias("churn", "champion", "1")


@pytest.fixture
def lmd(tmp_path: Path) -> Iterator[Lmd]:
    command = Lmd(tmp_path)
    command.home.mkdir()
    yield command
    command.clean_up()


def asked(port: int) -> object:
    return httpx.post(f"http://127.0.0.1:{port}/score", json={"inputs": [[3]]}, timeout=60).json()


def test_an_alias_is_served_and_followed_when_it_has_moved(mlflow_server: str, lmd: Lmd) -> None:
    env = {"MLFLOW_TRACKING_URI": mlflow_server}
    first = lmd("apply", "models:/churn@champion", "--port", str(lmd.port), env=env)
    assert first.code == 0 and "version 1 of churn" in first.err
    assert asked(lmd.port) == pytest.approx([6])
    MlflowClient(mlflow_server).set_registered_model_alias("churn", "champion", "2")
    again = lmd("apply", "models:/churn@champion", env=env)
    assert again.code == 0 and "version 2 of churn" in again.err
    assert asked(lmd.port) == pytest.approx([15])


def test_a_version_is_fetched_once_for_all_manifests_that_name_it(
    mlflow_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server)
    client, store = MlflowClient(mlflow_server), Store(tmp_path)
    for number, uri in enumerate(("models:/churn@champion", "models:/churn/2"), 1):
        client.set_registered_model_alias("churn", "champion", str(number))
        reference = ModelRef("churn", uri=uri)
        assert from_address.ask(store, reference, foreign=True) is None
        assert from_address.fetch(store, reference).version == number
        assert from_address.ask(store, reference, foreign=True) == store.models.get("churn", number)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")  # what is on the operator's machine is not for others
    with pytest.raises(UserError, match="the operator knows no MLflow server"):
        from_address.ask(store, reference, foreign=True)


def refused(address: str, folder: Path) -> str:
    with pytest.raises(UserError) as raised:
        mlflow_models.fetch(address, folder, LoggedProgress())
    message = str(raised.value)
    assert message.startswith(f"{address}: ") and "\n" not in message
    return f"{raised.value.reason}: {message}"


@pytest.mark.parametrize(
    ("path", "address", "words"),
    [
        ("", "models:/churn@nobody", "alias nobody not found (asked at http://127.0.0.1:"),
        ("", "models:/nobody@champion", "name=nobody not found (asked at"),
        ("", "models:/churn/9", "not found (asked at"),
        ("", "runs:/0123456789abcdef0123456789abcdef/model", "not found"),
        ("/private", "models:/churn@champion", "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"),
        ("/nothing", "models:/churn@champion", "is not MLflow, or it is in trouble (status 404)"),
    ],
)
def test_what_the_server_does_not_give(
    mlflow_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, address: str, words: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server + path)
    text = refused(address, tmp_path)
    assert text.startswith("MlflowRefused: ") and words in text, text


def test_a_password_is_used_and_never_shown(
    mlflow_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"{mlflow_server}/private".replace("//", "//ann:secret@"))
    assert (mlflow_models.fetch("models:/churn/1", tmp_path, LoggedProgress()) / "MLmodel").is_file()
    assert "secret" not in refused("models:/churn@nobody", tmp_path)


def test_a_server_that_is_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://ann:secret@127.0.0.1:{free_port()}")
    text = refused("models:/churn@champion", tmp_path)
    assert re.search(r"no MLflow server answers \(asked at http://127\.0\.0\.1:\d+;", text)
