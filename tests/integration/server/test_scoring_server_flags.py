from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.server.scoring_server_process import (
    BARE_PYTHON,
    Reply,
    ScoringServer,
    eventually,
    read_reply,
    write_script,
)

ENVIRONMENT = """
import os

def init():
    pass

def run(raw_data):
    return {name: os.environ.get(name) for name in raw_data.split(",")}
"""
SLOW_INIT = "import time\ndef init():\n    time.sleep(60)\ndef run(raw_data): return 1\n"


def health_port(server: ScoringServer) -> int:
    found = re.search(r"health is at 127\.0\.0\.1 port (\d+)", server.log)
    assert found, server.log
    return int(found[1])


def ask(port: int, path: str) -> Reply:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return read_reply(connection)
    finally:
        connection.close()


def start_and_fail(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "localmodel_server", "--host", "127.0.0.1", *arguments],
        env={"LOCALMODEL_PYTHON": BARE_PYTHON, **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_started_by_hand_like_the_original(tmp_path: Path) -> None:
    write_script(tmp_path / "src", ENVIRONMENT)
    (tmp_path / "models").mkdir()
    arguments = ("--entry_script", "src/score.py", "--model_dir", "models", "--worker_count", "2")
    with ScoringServer(tmp_path, {}, *arguments).wait_until_ready() as server:
        reply = server.score(b"AML_APP_ROOT,AZUREML_MODEL_DIR,WORKER_COUNT")
        assert reply.json == {
            "AML_APP_ROOT": str(tmp_path),
            "AZUREML_MODEL_DIR": str(tmp_path / "models"),
            "WORKER_COUNT": "2",
        }
        assert len(server.worker_pids()) == 2


def test_flag_over_environment_over_config_file(tmp_path: Path) -> None:
    variables = write_script(tmp_path, ENVIRONMENT)
    config = {"WORKER_COUNT": 4, "SERVICE_NAME": "file", "SERVICE_VERSION": "file", "AML_CORS_ORIGINS": "*"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    environment = {**variables, "WORKER_COUNT": "3", "SERVICE_NAME": "environment"}
    with ScoringServer(tmp_path, environment, "--worker-count", "1").wait_until_ready() as server:
        reply = server.score(b"WORKER_COUNT,SERVICE_NAME,SERVICE_VERSION")
        assert reply.json == {"WORKER_COUNT": "1", "SERVICE_NAME": "environment", "SERVICE_VERSION": "file"}
        assert reply.headers["access-control-allow-origin"] == "*"
        assert f"settings from the config file {tmp_path / 'config.json'}" in server.log


def test_a_models_own_config_json_is_no_trouble(tmp_path: Path) -> None:
    variables = write_script(tmp_path, ENVIRONMENT)
    (tmp_path / "config.json").write_text('["a list"]')
    with ScoringServer(tmp_path, variables).wait_until_ready() as server:
        assert "has no settings of this server" in server.log


def test_health_has_a_port_of_its_own(tmp_path: Path) -> None:
    variables = write_script(tmp_path, ENVIRONMENT)
    with ScoringServer(tmp_path, variables, "--health_port", "0").wait_until_ready() as server:
        port = health_port(server)
        assert port != server.port
        assert ask(port, "/").body == b"Healthy"
        assert [ask(port, path).status for path in ("/livez", "/readyz", "/score", "/metrics")] == [200, 200, 404, 404]
        assert server.get("/").status == 200
        server.process.terminate()
        assert server.wait_for_end() == 0


def test_the_health_port_answers_while_init_runs(tmp_path: Path) -> None:
    variables = {**write_script(tmp_path, SLOW_INIT), "HEALTH_PORT": "0"}
    with ScoringServer(tmp_path, variables).wait_until_listening() as server:
        port = health_port(server)
        assert ask(port, "/livez").status == 200
        assert ask(port, "/readyz").status == 503
        assert "init()" in ask(port, "/").message
        server.process.terminate()
        server.wait_for_end()


def test_ports_from_the_environment_count(tmp_path: Path) -> None:
    variables = write_script(tmp_path, ENVIRONMENT)
    with ScoringServer(tmp_path, variables).wait_until_listening() as taken:
        failed = start_and_fail(tmp_path, SERVER_PORT=str(taken.port), **variables)
        assert failed.returncode == 1
        assert f"cannot listen on 127.0.0.1 port {taken.port}" in failed.stderr


@pytest.mark.parametrize(
    ("arguments", "variables", "words"),
    [
        ((), {"SERVER_PORT": "http"}, "SERVER_PORT: 'http' is not a port"),
        ((), {"AZUREML_LOG_LEVEL": "LOUD"}, "AZUREML_LOG_LEVEL: 'LOUD'"),
        (("--config_file", "missing.json"), {}, "missing.json: No such file"),
        (("--worker_count", "0"), {}, "--worker_count"),
    ],
    ids=["port", "level", "file", "flag"],
)
def test_a_wrong_setting_ends_the_start(
    tmp_path: Path, arguments: tuple[str, ...], variables: dict[str, str], words: str
) -> None:
    failed = start_and_fail(tmp_path, *arguments, **variables)
    assert failed.returncode == 2
    assert words in failed.stderr
    assert "Traceback" not in failed.stderr


def test_the_key_for_application_insights_is_not_in_the_log(tmp_path: Path) -> None:
    variables = write_script(tmp_path, ENVIRONMENT)
    key = "11111111-2222-3333-4444-555555555555"
    with ScoringServer(tmp_path, variables, "--appinsights_instrumentation_key", key).wait_until_ready() as server:
        assert "--appinsights_instrumentation_key) is ignored" in server.log
        assert key not in server.log


def test_the_log_as_json(tmp_path: Path) -> None:
    variables = {**write_script(tmp_path, ENVIRONMENT), "LOCALMODEL_LOG_FORMAT": "json"}
    with ScoringServer(tmp_path, variables) as server:
        eventually(lambda: "revision '' serves" in server.log, server)
        lines = [json.loads(line) for line in server.log.splitlines()]
        assert lines[0]["message"].startswith("listening on 127.0.0.1 port")
        server.port = int(lines[0]["message"].split()[-1])
        server.request("POST", "/score", b"PATH", {"x-request-id": "abc"})
        server.process.terminate()
        server.wait_for_end()
        last = [json.loads(line) for line in server.log.splitlines() if '"path"' in line]
        assert [(line["request_id"], line["path"], line["status"]) for line in last] == [("abc", "/score", 200)]


def test_metrics_and_documents_of_a_real_server(tmp_path: Path) -> None:
    variables = {**write_script(tmp_path, ENVIRONMENT), "LOCALMODEL_MODEL": "mnist:1@sha256:ab12"}
    with ScoringServer(tmp_path, variables).wait_until_ready() as server:
        server.score(b"PATH")
        metrics = server.get("/metrics").body.decode()
        assert 'localmodel_requests_total{dialect="azure",status="200"} 1.0' in metrics
        assert "localmodel_workers 1.0" in metrics
        assert 'model="mnist:1@sha256:ab12"' in metrics
        assert server.get("/swagger.json").json["host"] == f"127.0.0.1:{server.port}"
        assert "/score" in server.get("/openapi.json").json["paths"]
