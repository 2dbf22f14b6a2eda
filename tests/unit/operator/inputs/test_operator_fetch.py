"""What the program that fetches does with the credentials of a Secret."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from localmodel.errors import UserError
from localmodel_operator.inputs import fetch


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"HOME": "/home/operator", "PATH": "/bin"})


def test_user_and_password_go_into_the_address(tmp_path: Path) -> None:
    given = {"username": "me@team", "password": "a/b"}
    assert fetch._prepare("https://h/a.pkl", given, tmp_path) == "https://me%40team:a%2Fb@h/a.pkl"
    assert fetch._prepare("https://you@h/a.pkl", given, tmp_path) == "https://you@h/a.pkl"
    assert fetch._prepare("s3://bucket/a.pkl", given, tmp_path) == "s3://bucket/a.pkl"


def test_a_registrys_are_where_docker_keeps_them(tmp_path: Path) -> None:
    assert fetch._prepare("oci://h:5000/a:1", {"username": "me", "password": "p"}, tmp_path) == "oci://h:5000/a:1"
    config = json.loads(Path(os.environ["DOCKER_CONFIG"], "config.json").read_text())
    assert config == {"auths": {"h:5000": {"auth": "bWU6cA=="}}}


def test_variables_are_those_of_readers_and_no_others(tmp_path: Path) -> None:
    given = {"HF_TOKEN": "t", "LD_PRELOAD": "/evil.so", "MLFLOW_TRACKING_URI": "file:///", "AWS_PROFILE": "root"}
    fetch._prepare("hf://owner/model", given, tmp_path)
    assert os.environ["HF_TOKEN"] == "t"
    assert not {"LD_PRELOAD", "MLFLOW_TRACKING_URI", "AWS_PROFILE"} & set(os.environ)


def test_nothing_of_the_operators_user_is_used(tmp_path: Path) -> None:
    fetch._prepare("s3://bucket/a.pkl", {}, tmp_path)
    assert os.environ["HOME"] == str(tmp_path)
    assert os.environ["FSSPEC_S3_ANON"] == "true"
    assert os.environ["AZURE_STORAGE_ANON"] == "true", "and not the identity of the machine, which adlfs asks for"
    fetch._prepare("gs://bucket/a.pkl", {"GOOGLE_APPLICATION_CREDENTIALS": '{"type": "service_account"}'}, tmp_path)
    assert Path(os.environ["GOOGLE_APPLICATION_CREDENTIALS"]).read_text() == '{"type": "service_account"}'


@pytest.mark.parametrize("key", ["AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_SAS_TOKEN"])
def test_a_key_of_azures_is_used(tmp_path: Path, key: str) -> None:
    fetch._prepare("az://box/a.pkl", {"AZURE_STORAGE_ACCOUNT_NAME": "me", key: "k"}, tmp_path)
    assert os.environ[key] == "k" and "AZURE_STORAGE_ANON" not in os.environ


@pytest.mark.parametrize("content", ["", "[]", "/etc/passwd", '{"type": "external_account", "credential_source": {}}'])
def test_googles_other_credentials_are_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(UserError, match="is not the JSON key of a service account"):
        fetch._prepare("gs://bucket/a.pkl", {"GOOGLE_APPLICATION_CREDENTIALS": content}, tmp_path)
