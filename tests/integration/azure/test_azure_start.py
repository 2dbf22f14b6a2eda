"""How a script is found and started: variables, modules beside it, models, drivers, old imports, its log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from azure_scripts import serving
from support.server.scoring_server_process import BARE_PYTHON, ScoringServer, eventually, write_script

WHERE = """
import os
import helper
import shared.lists

def init():
    pass

def run(data):
    return [helper.NAME, shared.lists.NAME, os.getcwd()]
"""
MODELS = """
import os

def init():
    global found
    root = os.environ["AZUREML_MODEL_DIR"]
    files = [os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names]
    found = sorted(os.path.relpath(file, root) for file in files)

def run(data):
    return {"found": found, "text": open(os.path.join(os.environ["AZUREML_MODEL_DIR"], data)).read()}
"""
DRIVER = """
import score as driver_module

ready = False

def init():
    driver_module.init()
    driver_module.log.append("driver")

def run(data):
    return "the driver's"
"""
DRIVEN = """
from azureml.contrib.services.aml_request import rawhttp

log = []

def init():
    log.append("script")

@rawhttp
def run(request):
    return {"log": log, "method": request.method}
"""
OLD_NAMES = """
from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse
import azureml_inference_server_http.api.aml_request as newer_request
from azureml_inference_server_http.api.aml_response import AMLResponse as NewerResponse

def init():
    assert newer_request.rawhttp is rawhttp and NewerResponse is AMLResponse

@newer_request.rawhttp
def run(request: AMLRequest) -> AMLResponse:
    return NewerResponse([request.get_data().decode()], 200, json_str=True)
"""
LOGS = """
import logging
import sys

def init():
    print("printed", "in init")
    logging.getLogger("mine").debug("a detail")
    logging.getLogger("mine").info("information")

def run(data):
    print("printed", data)
    print("to stderr", file=sys.stderr)
    logging.warning("warned of %s", data)
    return data
"""
LOGGING_JSON = {
    "version": 1,
    "formatters": {
        "own": {"()": "azureml_inference_server_http.log_config.AMLLogFormatter", "fmt": "%(name)s=%(message)s"}
    },
    "handlers": {"file": {"class": "logging.FileHandler", "filename": "own.log", "formatter": "own"}},
    "root": {"level": "INFO", "handlers": ["file"]},
}


def test_modules_beside_the_script_in_the_code_folder_and_in_the_source_folder(tmp_path: Path) -> None:
    app = tmp_path / "app"
    for name, text in {
        "inside/entry.py": WHERE,
        "inside/helper.py": "import below\nNAME = below.NAME\n",
        "below.py": "NAME = 'of the code folder'\n",
        "lib/shared/lists.py": "NAME = 'of the source folder'\n",
    }.items():
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        (app / name).write_text(text)
    variables = {
        "AML_APP_ROOT": str(app),
        "AZUREML_ENTRY_SCRIPT": "inside/entry.py",
        "AZUREML_SOURCE_DIRECTORY": "lib",
    }
    with ScoringServer(tmp_path, variables).wait_until_ready() as server:
        assert server.score(b"").json == ["of the code folder", "of the source folder", str(app)]


def test_one_model_and_several_models(tmp_path: Path) -> None:
    app = tmp_path / "app"
    for name in ("mnist/1/model.pkl", "words/3/folder/list.txt"):
        file = app / "azureml-models" / name
        file.parent.mkdir(parents=True)
        file.write_text(f"content of {name}")
    one, several = "azureml-models/mnist/1", "azureml-models"
    # As the original sets it: relative, to the folder that the script runs in.
    with serving(tmp_path, MODELS, AZUREML_MODEL_DIR=one) as server:
        assert server.score(b"model.pkl").json == {"found": ["model.pkl"], "text": "content of mnist/1/model.pkl"}
    with serving(tmp_path, MODELS, AZUREML_MODEL_DIR=str(app / several)) as server:
        reply = server.score(b"words/3/folder/list.txt").json
        assert reply["found"] == ["mnist/1/model.pkl", "words/3/folder/list.txt"]
        assert reply["text"] == "content of words/3/folder/list.txt"


def test_the_script_behind_a_driver_answers(tmp_path: Path) -> None:
    environment = write_script(tmp_path / "app", DRIVEN, main=DRIVER)
    with ScoringServer(tmp_path, environment | {"AZUREML_ENTRY_SCRIPT": "main.py"}).wait_until_ready() as server:
        assert server.score(b"x").json == {"log": ["script", "driver"], "method": "POST"}


def test_old_import_paths_with_nothing_installed(tmp_path: Path) -> None:
    with serving(tmp_path, OLD_NAMES, LOCALMODEL_PYTHON=BARE_PYTHON) as server:
        assert server.score(b"x").json == ["x"]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("def run(data): pass", "no function init()"),
        ("def init(): pass", "no function run(raw_data)"),
        ("def init(): pass\ndef run(*data): pass", "run() cannot have *args"),
        ("def init(): pass\ndef run(): pass", "needs a parameter for the data"),
        ("def init(): raise OSError('no model')\ndef run(data): pass", "init() failed: score.py:1: OSError: no model"),
        ("import nowhere\ndef init(): pass\ndef run(data): pass", "score.py:1: ModuleNotFoundError"),
    ],
)
def test_a_script_that_cannot_serve_ends_the_server_with_code_3(tmp_path: Path, script: str, words: str) -> None:
    with ScoringServer(tmp_path, write_script(tmp_path / "app", script)) as server:
        assert server.wait_for_end() == 3
        assert words in server.log


def test_limits_of_time(tmp_path: Path) -> None:
    script = "import time\ndef init(): pass\ndef run(data): time.sleep(float(data))\n"
    with serving(tmp_path, script, WORKER_TIMEOUT="1", SCORING_TIMEOUT_MS="3600000") as server:
        reply = server.score(b"30")
        assert reply.status == 500
        assert "1000 ms" in reply.message
        server.wait_until_ready()
        assert server.score(b"0.1").status == 200


@pytest.mark.parametrize(("level", "seen"), [("DEBUG", True), ("INFO", False)])
def test_the_level_of_the_log(tmp_path: Path, level: str, seen: bool) -> None:
    with serving(tmp_path, LOGS, AZUREML_LOG_LEVEL=level) as server:
        server.score(b"x", {"x-request-id": "id-1"})
        eventually(lambda: "request id-1: warned of x" in server.log, server)
        assert "printed in init" in server.log
        assert "information" in server.log
        assert ("a detail" in server.log) is seen


def test_a_logging_json_takes_over(tmp_path: Path) -> None:
    app = tmp_path / "app"
    app.mkdir()
    (app / "logging.json").write_text(json.dumps(LOGGING_JSON))
    with serving(tmp_path, LOGS) as server:
        assert server.score(b"x").json == "x"
        lines = (app / "own.log").read_text().splitlines()
        assert lines == [
            "azmlinfsrv.print=printed in init",
            "mine=information",
            "azmlinfsrv.print=printed x",
            "root=warned of x",
        ]
        assert "to stderr" in server.log
        assert "printed" not in server.log


def test_a_logging_json_that_is_wrong(tmp_path: Path) -> None:
    environment = write_script(tmp_path / "app", LOGS)
    (tmp_path / "app" / "logging.json").write_text('{"version": 2}')
    with ScoringServer(tmp_path, environment) as server:
        assert server.wait_for_end() == 3
        assert "logging.json: version: must be there and be 1" in server.log


@pytest.mark.parametrize("preload", ["false", "true"])
def test_workers_and_calls_of_init(tmp_path: Path, preload: str) -> None:
    script = """
import os, time
def init():
    open("inits", "a").write("x")
def run(data):
    time.sleep(0.05)
    return os.getpid()
"""
    with serving(tmp_path, script, WORKER_COUNT="2", WORKER_PRELOAD=preload):
        inits = (tmp_path / "app" / "inits").read_text()
        assert len(inits) == (1 if preload == "true" else 2)


def test_variables_for_telemetry_are_taken_and_do_nothing(tmp_path: Path) -> None:
    key = "11111111-2222-3333-4444-555555555555"
    variables = {
        "AML_APP_INSIGHTS_ENABLED": "true",
        "AML_APP_INSIGHTS_KEY": key,
        "AML_MODEL_DC_STORAGE_ENABLED": "true",
        "APP_INSIGHTS_LOG_RESPONSE_ENABLED": "false",
        "WORKSPACE_NAME": "w",
    }
    with serving(tmp_path, LOGS, **variables) as server:
        assert server.score(b"x").json == "x"
        assert "AML_APP_INSIGHTS_KEY" in server.log
        assert key not in server.log


def test_every_key_of_a_config_file_counts(tmp_path: Path) -> None:
    environment = write_script(tmp_path / "app", LOGS)
    config = {"AML_CORS_ORIGINS": "*", "SERVICE_NAME": "digits", "SCORING_TIMEOUT_MS": 1000, "NO_SUCH": 1}
    (tmp_path / "own.json").write_text(json.dumps(config))
    with ScoringServer(tmp_path, environment, "--config_file", "own.json").wait_until_ready() as server:
        assert server.score(b"x").headers["access-control-allow-origin"] == "*"
        assert server.get("/swagger.json").json["info"]["title"] == "digits"
        assert "ignored: NO_SUCH" in server.log
