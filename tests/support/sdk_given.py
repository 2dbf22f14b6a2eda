"""A client of the SDK with a folder of its own, and the script that its tests deploy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import localmodel
from support.lmd_command import free_port

# Answers with what arrived: the text of a request with its type's place in Python, or what some words ask for.
SCRIPT = """
import json
import os

import helper
from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse

def init():
    print("hello from init")

@rawhttp
def run(request):
    body = request.get_data(False)
    if request.headers.get("content-type") == "application/octet-stream":
        return AMLResponse(body[::-1], 200, {"content-type": "application/octet-stream"})
    asked = json.loads(body)
    if asked == "fail":
        return helper.fail()
    if asked == "teapot":
        return AMLResponse({"message": "short and stout"}, 418, json_str=True)
    if asked == "header":
        return request.headers.get("x-mine")
    if asked == "variable":
        return [os.environ.get("COLOUR"), os.environ.get("AZUREML_MODEL_DIR")]
    return asked
"""
HELPER = """
def fail():
    raise LookupError("no such row")
"""


def write_source(folder: Path) -> Path:
    """A source folder; returns the entry script's path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "helper.py").write_text(HELPER)
    script = folder / "score.py"
    script.write_text(SCRIPT)
    return script


@pytest.fixture(name="home")
def given_home(tmp_path: Path, environments: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """LOCALMODEL_HOME, and a working folder, for one test."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "environments").symlink_to(environments)
    monkeypatch.setenv("LOCALMODEL_HOME", str(folder))
    monkeypatch.delenv("LOCALMODEL_TARGET", raising=False)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return folder


@pytest.fixture(name="client")
def given_client(home: Path) -> Iterator[localmodel.Client]:
    """A client; what it deployed is deleted afterwards."""
    with localmodel.Client() as client:
        yield client
        for deployment in client.list():
            deployment.delete()


@pytest.fixture(name="digits")
def given_digits(client: localmodel.Client) -> localmodel.Deployment:
    """The script, deployed."""
    return client.deploy("digits", write_source(Path("code")), port=free_port())
