from __future__ import annotations

import pytest

from localmodel_server.settings import SettingsError, read_settings


def test_defaults() -> None:
    settings = read_settings({})
    assert settings.python == "/opt/env/bin/python"
    assert settings.worker_count == 1
    assert settings.scoring_timeout_ms == 60_000
    assert settings.max_request_bytes == 100 * 1024 * 1024
    assert settings.revision == ""
    assert settings.drain_seconds == 0


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
    settings = read_settings(environment)
    assert settings.python == "/env/bin/python"
    assert (settings.worker_count, settings.scoring_timeout_ms, settings.max_request_bytes) == (3, 250, 10)
    assert (settings.revision, settings.drain_seconds) == ("7-abc", 5)
    assert settings.environment == environment


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
    ],
)
def test_a_bad_value_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: "):
        read_settings({name: value})
