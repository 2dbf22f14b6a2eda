from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from localmodel_server.__main__ import build_parser, flag_variables
from localmodel_server.configuration.config_file import compose
from localmodel_server.configuration.settings import SettingsError
from localmodel_server.configuration.variables import VARIABLES


def write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def flags(folder: Path, *arguments: str) -> dict[str, str]:
    return flag_variables(build_parser().parse_args(arguments), folder)


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "c.json", {"WORKER_COUNT": 4, "SERVICE_NAME": "from the file", "WORKER_PRELOAD": True})
    composed = compose({"AZUREML_CONFIG_FILE": str(path), "WORKER_COUNT": "2"})
    assert composed.environment["WORKER_COUNT"] == "2"
    assert composed.environment["SERVICE_NAME"] == "from the file"
    assert composed.environment["WORKER_PRELOAD"] == "true"


@pytest.mark.parametrize(
    "key", ["AML_APP_ROOT", "AML_CORS_ORIGINS", "AZUREML_MODEL_DIR", "SERVER_PORT", "HEALTH_PORT", "AZUREML_LOG_LEVEL"]
)
def test_every_variable_may_stand_in_the_file(key: str, tmp_path: Path) -> None:
    value = {"SERVER_PORT": "8080", "HEALTH_PORT": "8081", "AZUREML_LOG_LEVEL": "DEBUG"}.get(key, "/some/where")
    path = write(tmp_path / "c.json", {key: value})
    assert compose({"AZUREML_CONFIG_FILE": str(path)}).environment[key] == value


def test_null_means_not_set(tmp_path: Path) -> None:
    path = write(tmp_path / "c.json", {"WORKER_COUNT": None, "SERVICE_NAME": "x"})
    assert "WORKER_COUNT" not in compose({"AZUREML_CONFIG_FILE": str(path)}).environment


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not JSON"),
        ([], "expected an object"),
        ("", "not JSON"),
        ({"WORKER_COUNT": "two"}, "WORKER_COUNT: 'two' is not a whole number"),
        ({"SERVER_PORT": 70000}, "SERVER_PORT: '70000' is not a port"),
        ({"AML_CORS_ORIGINS": ["*"]}, "AML_CORS_ORIGINS: "),
        ({"SCORING_TIMEOUT_MS": 1.5}, "SCORING_TIMEOUT_MS: 1.5 is not"),
    ],
    ids=str,
)
def test_a_file_that_is_named_must_be_right(content: Any, words: str, tmp_path: Path) -> None:
    path = write(tmp_path / "c.json", content)
    with pytest.raises(SettingsError) as error:
        compose({"AZUREML_CONFIG_FILE": str(path)})
    assert str(path) in str(error.value)
    assert words in str(error.value)


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"AZUREML_CONFIG_FILE: .*c\.json: No such file"):
        compose({"AZUREML_CONFIG_FILE": str(tmp_path / "c.json")})


def test_what_nobody_knows_is_warned_about(tmp_path: Path) -> None:
    path = write(tmp_path / "c.json", {"WORKER_COUNT": 1, "WORKERS": 2, "AML_APP_INSIGHTS_ENABLED": False})
    warnings = [text for level, text in compose({"AZUREML_CONFIG_FILE": str(path)}).notes if level == logging.WARNING]
    assert len(warnings) == 1
    assert warnings[0].endswith("ignored: WORKERS")


@pytest.mark.parametrize("place", ["config.json", "src/config.json"])
def test_a_config_json_beside_the_code_is_found(place: str, tmp_path: Path) -> None:
    path = write(tmp_path / place, {"WORKER_COUNT": 3})
    composed = compose({"AML_APP_ROOT": str(tmp_path), "AZUREML_ENTRY_SCRIPT": "src/score.py"})
    assert composed.environment["WORKER_COUNT"] == "3"
    assert any(str(path) in text for _, text in composed.notes)


def test_the_one_in_the_root_is_looked_at_first(tmp_path: Path) -> None:
    write(tmp_path / "config.json", {"WORKER_COUNT": 3})
    write(tmp_path / "src/config.json", {"WORKER_COUNT": 4})
    composed = compose({"AML_APP_ROOT": str(tmp_path), "AZUREML_ENTRY_SCRIPT": str(tmp_path / "src/score.py")})
    assert composed.environment["WORKER_COUNT"] == "3"


@pytest.mark.parametrize(
    "content",
    [
        {"architectures": ["BertModel"], "hidden_size": 768},
        {"subscription_id": "x", "resource_group": "y", "workspace_name": "z"},
        [1, 2],
        "not json",
        "",
    ],
    ids=["hugging face", "workspace", "list", "text", "empty"],
)
def test_a_config_json_of_somebody_else_is_left_alone_and_named(content: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "config.json", content)
    environment = {"AML_APP_ROOT": str(tmp_path)}
    composed = compose(environment)
    assert composed.environment == environment
    assert [(level, str(path) in text) for level, text in composed.notes] == [(logging.INFO, True)]


def test_a_wrong_value_in_a_file_that_was_found_names_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "config.json", {"WORKER_COUNT": 0})
    with pytest.raises(SettingsError, match="WORKER_COUNT: 0 is less than 1") as error:
        compose({"AML_APP_ROOT": str(tmp_path)})
    assert str(path) in str(error.value)


def test_flags_stand_for_variables(tmp_path: Path) -> None:
    assert flags(
        tmp_path,
        *("--entry_script", "src/score.py", "--model_dir", "../models", "--port", "8080", "--health_port", "8081"),
        *("--worker_count", "2", "--access_control_allow_origins", "*", "--config_file", "c.json"),
    ) == {
        "AZUREML_ENTRY_SCRIPT": str(tmp_path / "src/score.py"),
        "AZUREML_MODEL_DIR": str(tmp_path.parent / "models"),
        "AZUREML_CONFIG_FILE": str(tmp_path / "c.json"),
        "SERVER_PORT": "8080",
        "HEALTH_PORT": "8081",
        "SEPERATE_HEALTH_ENDPOINT": "true",
        "WORKER_COUNT": "2",
        "AML_CORS_ORIGINS": "*",
    }
    assert flags(tmp_path) == {}


def test_flags_with_dashes_are_the_same(tmp_path: Path) -> None:
    with_dashes = flags(tmp_path, "--entry-script", "a.py", "--worker-count", "2", "--health-port", "1")
    assert with_dashes == flags(tmp_path, "--entry_script", "a.py", "--worker_count", "2", "--health_port", "1")


@pytest.mark.parametrize(
    "arguments",
    [("--port", "70000"), ("--port", "x"), ("--worker_count", "0"), ("--health_port", "-1"), ("--nonsense",)],
    ids=" ".join,
)
def test_a_wrong_flag_is_named(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        build_parser().parse_args(arguments)
    assert stop.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_a_key_for_application_insights_is_taken_and_told_to_be_useless(tmp_path: Path) -> None:
    key = "11111111-2222-3333-4444-555555555555"
    composed = compose(flags(tmp_path, "--appinsights_instrumentation_key", key))
    ((level, text),) = composed.notes
    assert level == logging.WARNING
    assert "--appinsights_instrumentation_key) is ignored" in text
    assert key not in text


def test_the_folder_of_the_code_is_the_least_wanted_of_all(tmp_path: Path) -> None:
    assert compose({}, "/here").environment == {"AML_APP_ROOT": "/here"}
    assert compose({"AML_APP_ROOT": "/there"}, "/here").environment == {"AML_APP_ROOT": "/there"}
    path = write(tmp_path / "c.json", {"AML_APP_ROOT": "/from/file"})
    composed = compose({"AZUREML_CONFIG_FILE": str(path)}, "/here")
    assert composed.environment["AML_APP_ROOT"] == "/from/file"


def test_every_variable_is_listed_once() -> None:
    names = [variable.name for variable in VARIABLES]
    assert len(set(names)) == len(names)
