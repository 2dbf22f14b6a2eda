"""Settings of a revision, read from environment variables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class SettingsError(ValueError):
    """A setting has a value that cannot be used; the text names the variable or the file."""


@dataclass(frozen=True)
class Settings:
    """What a revision needs to serve. Sizes are bytes, times are in the unit that the name says."""

    python: str
    worker_count: int
    scoring_timeout_ms: int
    max_request_bytes: int
    revision: str
    drain_seconds: int
    environment: Mapping[str, str]  # of the worker processes


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings from environment variables; raises SettingsError."""
    return Settings(
        python=environment.get("LOCALMODEL_PYTHON", "/opt/env/bin/python"),
        worker_count=_whole_number(environment, "WORKER_COUNT", 1, at_least=1),
        scoring_timeout_ms=_whole_number(environment, "SCORING_TIMEOUT_MS", 60_000, at_least=1),
        max_request_bytes=_whole_number(environment, "LOCALMODEL_MAX_REQUEST_BYTES", 104_857_600, at_least=1),
        revision=_header_text(environment, "LOCALMODEL_REVISION"),
        drain_seconds=_whole_number(environment, "LOCALMODEL_DRAIN_SECONDS", 0, at_least=0),
        environment=dict(environment),
    )


def read_revision_file(path: Path) -> dict[str, str]:
    """The environment variables in a revision file, ``{"environment": {name: value}}``.

    Raises SettingsError.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"revision file {path}: {error}") from error
    environment = content.get("environment") if isinstance(content, dict) else None
    if not isinstance(environment, dict):
        raise SettingsError(f'revision file {path}: expected an object {{"environment": {{name: value}}}}')
    for name, value in environment.items():
        if not isinstance(value, str):
            raise SettingsError(f"revision file {path}: {name} must be a string, not {json.dumps(value)}")
    return environment


def _header_text(environment: Mapping[str, str], name: str) -> str:
    text = environment.get(name, "")
    if not (text.isascii() and text.isprintable()):
        raise SettingsError(f"{name}: {text!r} cannot be sent in a header; use printable ASCII characters")
    return text


def _whole_number(environment: Mapping[str, str], name: str, default: int, at_least: int) -> int:
    text = environment.get(name)
    if text is None:
        return default
    try:
        number = int(text)
    except ValueError:
        raise SettingsError(f"{name}: {text!r} is not a whole number") from None
    if number < at_least:
        raise SettingsError(f"{name}: {number} is less than {at_least}")
    return number
