"""Addresses of models in MLflow, and what they are called here."""

import sys

import pytest

from localmodel import UserError, mlflow_models


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("models:/churn@champion", "churn"),
        ("models:/churn/3", "churn"),
        ("models:/my model/latest", "my-model"),
        ("runs:/0a1b/model", "model"),
        ("runs:/0a1b/best/churn", "churn"),
    ],
)
def test_a_model_is_called_as_in_mlflow(address: str, name: str) -> None:
    assert mlflow_models.is_address(address) and mlflow_models.model_name(address) == name


@pytest.mark.parametrize("text", ["models:/", "runs:/0a1b", "models:/churn@a/b"])
def test_what_is_no_address_is_told(text: str) -> None:
    with pytest.raises(UserError, match="is not the address of a model: write models:/NAME@ALIAS"):
        mlflow_models.model_name(text)


@pytest.mark.parametrize("text", ["models/churn", "churn@champion", "./models:", "model.pkl"])
def test_paths_and_names_of_the_store_are_no_addresses(text: str) -> None:
    assert not mlflow_models.is_address(text)


def test_a_missing_client_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(UserError, match=r"client is missing; pip install 'localmodel\[mlflow\]'"):
        mlflow_models.fetch("models:/churn/1", None, None)  # type: ignore[arg-type] # it gets to neither
