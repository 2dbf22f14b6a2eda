from __future__ import annotations

from pathlib import Path

import pytest

from localmodel_server.configuration.settings import Ports, SettingsError, read_ports, read_settings
from localmodel_server.configuration.threads import VARIABLES, thread_limits, usable_cpus


def test_defaults() -> None:
    settings = read_settings({})
    assert settings.python == "/opt/env/bin/python"
    assert settings.worker_count == 1
    assert settings.scoring_timeout_ms == 60_000
    assert settings.max_request_bytes == 100 * 1024 * 1024
    assert settings.revision == ""
    assert settings.drain_seconds == 0
    assert settings.app_root == Path("/var/azureml-app")
    assert (settings.strict, settings.batching, settings.input_key) == (False, True, "data")
    assert (settings.model_name, settings.model) == ("model", "")
    assert (settings.service_name, settings.service_version, settings.service_path_prefix) == ("ML service", "1.0", "")
    assert (settings.cors_origins, settings.version_header, settings.worker_preload) == ((), True, False)
    assert (settings.log_level, settings.log_format, settings.debug_port) == ("INFO", "text", None)


def test_values_and_the_environment_of_workers() -> None:
    environment = {
        "LOCALMODEL_PYTHON": "/env/bin/python",
        "WORKER_COUNT": "3",
        "SCORING_TIMEOUT_MS": "250",
        "LOCALMODEL_MAX_REQUEST_BYTES": "10",
        "LOCALMODEL_REVISION": "7-abc",
        "LOCALMODEL_DRAIN_SECONDS": "5",
        "LOG_LEVEL": "info",
    }
    settings = read_settings(environment, cpus=6)
    assert settings.python == "/env/bin/python"
    assert (settings.worker_count, settings.scoring_timeout_ms, settings.max_request_bytes) == (3, 250, 10)
    assert (settings.revision, settings.drain_seconds) == ("7-abc", 5)
    assert settings.environment.items() >= environment.items()
    assert settings.environment["OMP_NUM_THREADS"] == "1"


def test_every_other_value() -> None:
    settings = read_settings(
        {
            "LOCALMODEL_STRICT_PARITY": "True",
            "LOCALMODEL_BATCHING": "off",
            "LOCALMODEL_INPUT_KEY": "inputs",
            "LOCALMODEL_MODEL_NAME": "digits",
            "LOCALMODEL_MODEL": "mnist:1@sha256:ab12,scaler:3@sha256:cd34",
            "SERVICE_NAME": "Digits",
            "SERVICE_VERSION": "7",
            "SERVICE_PATH_PREFIX": "/api/v1/",
            "AML_CORS_ORIGINS": "https://a.example, https://b.example,",
            "SERVER_VERSION_LOG_RESPONSE_ENABLED": "false",
            "WORKER_PRELOAD": "true",
            "AZUREML_LOG_LEVEL": "warn",
            "LOCALMODEL_LOG_FORMAT": "JSON",
            "AZUREML_DEBUG_PORT": "5678",
        }
    )
    assert (settings.strict, settings.batching, settings.input_key) == (True, False, "inputs")
    assert settings.model_name == "digits"
    assert settings.model == "mnist:1@sha256:ab12,scaler:3@sha256:cd34"
    assert (settings.service_name, settings.service_version) == ("Digits", "7")
    assert settings.service_path_prefix == "/api/v1"
    led_to = {"SERVICE_PATH_PREFIX": "/api/v1", "LOCALMODEL_PUBLIC_PATH": "/team/digits"}
    assert read_settings(led_to).service_path_prefix == "/team/digits", "what leads to a pod goes before its revision"
    assert settings.cors_origins == ("https://a.example", "https://b.example")
    assert (settings.version_header, settings.worker_preload) == (False, True)
    assert (settings.log_level, settings.log_format, settings.debug_port) == ("WARNING", "json", 5678)


def test_the_model_is_called_after_the_service_when_it_has_no_name_of_its_own() -> None:
    assert read_settings({"SERVICE_NAME": "digits"}).model_name == "digits"


@pytest.mark.parametrize(
    ("variables", "milliseconds"),
    [
        ({}, 60_000),
        ({"WORKER_TIMEOUT": "300"}, 300_000),
        ({"WORKER_TIMEOUT": "0"}, 60_000),
        ({"WORKER_TIMEOUT": "2", "SCORING_TIMEOUT_MS": "3600000"}, 2000),
        ({"WORKER_TIMEOUT": "300", "SCORING_TIMEOUT_MS": "250"}, 250),
    ],
)
def test_the_shorter_timeout_wins(variables: dict[str, str], milliseconds: int) -> None:
    assert read_settings(variables).scoring_timeout_ms == milliseconds


@pytest.mark.parametrize(
    ("variables", "ports"),
    [
        ({}, Ports(5001, None)),
        ({"SERVER_PORT": "8080"}, Ports(8080, None)),
        ({"HEALTH_PORT": "8081"}, Ports(5001, 8081)),
        ({"SEPERATE_HEALTH_ENDPOINT": "true"}, Ports(5001, 5000)),
        ({"SEPERATE_HEALTH_ENDPOINT": "true", "HEALTH_PORT": "7000"}, Ports(5001, 7000)),
        ({"SEPERATE_HEALTH_ENDPOINT": "false", "HEALTH_PORT": "7000"}, Ports(5001, None)),
        ({"SERVER_PORT": "7000", "HEALTH_PORT": "7000"}, Ports(7000, None)),
        ({"SERVER_PORT": "0", "HEALTH_PORT": "0"}, Ports(0, 0)),
    ],
)
def test_ports(variables: dict[str, str], ports: Ports) -> None:
    assert read_ports(variables) == ports


@pytest.mark.parametrize("value", ["http", "65536", "-1", "", "\u0665"])
@pytest.mark.parametrize("name", ["SERVER_PORT", "HEALTH_PORT"])
def test_a_bad_port_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: .* is not a port"):
        read_ports({name: value})


def test_the_workers_share_the_cpus() -> None:
    assert set(thread_limits({}, 2, 8)) == set(VARIABLES)
    assert set(thread_limits({}, 2, 9).values()) == {"4"}  # one CPU is the server's
    assert set(thread_limits({}, 4, 2).values()) == {"1"}


def test_a_users_own_thread_limits_stay() -> None:
    limits = thread_limits({"MKL_NUM_THREADS": "7"}, 1, 3)
    assert "MKL_NUM_THREADS" not in limits
    assert limits["OMP_NUM_THREADS"] == "2"
    # what reads OMP_NUM_THREADS itself is left to it
    assert not {"OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"} & set(thread_limits({"OMP_NUM_THREADS": "7"}, 1, 2))


@pytest.mark.parametrize(
    "files",
    [
        {"sys/fs/cgroup/cpu.max": "100000 100000"},
        {"sys/fs/cgroup/cpu.max": "50000 100000"},
        {
            "proc/self/cgroup": "0::/a/b",
            "sys/fs/cgroup/a/cpu.max": "150000 100000",
            "sys/fs/cgroup/a/b/cpu.max": "max 1",
        },
        {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "100000", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000"},
    ],
    ids=["one", "half", "of a parent", "version 1"],
)
def test_a_quota_counts_like_that_many_cpus(files: dict[str, str], tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert usable_cpus(tmp_path) == 1


def test_without_a_quota_the_cpus_of_the_machine_count(tmp_path: Path) -> None:
    without = usable_cpus(tmp_path)
    assert without >= 1
    (tmp_path / "sys/fs/cgroup/cpu").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/cpu.max").write_text("max 100000")
    (tmp_path / "sys/fs/cgroup/cpu/cpu.cfs_quota_us").write_text("-1")
    (tmp_path / "sys/fs/cgroup/cpu/cpu.cfs_period_us").write_text("100000")
    assert usable_cpus(tmp_path) == without


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WORKER_COUNT", "0"),
        ("WORKER_COUNT", ""),
        ("SCORING_TIMEOUT_MS", "1e3"),
        ("LOCALMODEL_MAX_REQUEST_BYTES", "100MB"),
        ("LOCALMODEL_DRAIN_SECONDS", "-1"),
        ("LOCALMODEL_REVISION", "two\nlines"),
        ("LOCALMODEL_REVISION", "caf\u00e9"),
        ("LOCALMODEL_MODEL", "caf\u00e9:1"),
        ("LOCALMODEL_MODEL_NAME", "a\r\nb"),
        ("LOCALMODEL_STRICT_PARITY", "maybe"),
        ("LOCALMODEL_BATCHING", "on"),
        ("LOCALMODEL_LOG_FORMAT", "xml"),
        ("AZUREML_LOG_LEVEL", "LOUD"),
        ("AZUREML_DEBUG_PORT", "yes"),
        ("WORKER_TIMEOUT", "-1"),
        ("WORKER_PRELOAD", "ture"),
    ],
)
def test_a_bad_value_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: "):
        read_settings({name: value})
