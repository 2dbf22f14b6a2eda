"""Settings of a revision, read from environment variables."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from localmodel_server.configuration.capture import CaptureError, CaptureSettings, read_capture
from localmodel_server.configuration.replay import ReplayError, ReplaySettings, read_replay
from localmodel_server.configuration.threads import thread_limits, usable_cpus
from localmodel_server.configuration.variables import DEFAULTS
from localmodel_untrusted.files import UnreadableError, read_file
from localmodel_untrusted.json_text import parse

APP_ROOT = DEFAULTS["AML_APP_ROOT"]
HEALTH_PORT = "5000"
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
LOG_FORMATS = ("text", "json")
_CLUSTER = ("", ".svc", ".svc.cluster.local")  # behind a Service's namespace
_HOST_NAME = re.compile(r"[a-z0-9_.-]+|\*")
_MOST_REVISION_BYTES = 16 * 1024 * 1024


class SettingsError(ValueError):
    """A setting has a value that cannot be used; the text names the variable or the file."""


@dataclass(frozen=True)
class Ports:
    """Where the process listens. health is None when there is no listener of its own for health."""

    main: int
    health: int | None


@dataclass(frozen=True)
class Settings:
    """The settings of a revision. Sizes are in bytes, times in the unit of the name.

    scoring_timeout_ms is the lesser of SCORING_TIMEOUT_MS and WORKER_TIMEOUT where both are set. model names the
    models served with their digests; model_name is what clients call the deployment. debug_port is where a
    debugger waits for the worker to connect, or None. capture is None where no requests are kept, and replay where
    none are asked again.
    """

    python: str
    worker_count: int
    scoring_timeout_ms: int
    max_request_bytes: int
    max_decoded_bytes: int
    revision: str
    drain_seconds: int
    app_root: Path
    model: str
    model_name: str
    strict: bool
    batching: bool
    input_key: str
    worker_preload: bool
    cors_origins: tuple[str, ...]
    hosts: frozenset[str]  # what the server is called, beside localhost and addresses; "*": anything
    version_header: bool
    service_name: str
    service_version: str
    service_path_prefix: str  # "" or "/prefix"
    log_level: str
    log_format: str
    debug_port: int | None
    capture: CaptureSettings | None
    replay: ReplaySettings | None
    environment: Mapping[str, str]  # of the worker processes


def read_settings(environment: Mapping[str, str], cpus: int | None = None) -> Settings:
    """Read the settings from environment variables.

    cpus is how many CPUs the workers may share, by default as many as this process may use.

    Raises:
        SettingsError
    """
    worker_count = read_whole_number(environment, "WORKER_COUNT", at_least=1)
    limits = thread_limits(environment, worker_count, usable_cpus() if cpus is None else cpus)
    prefix = (environment.get("LOCALMODEL_PUBLIC_PATH") or environment.get("SERVICE_PATH_PREFIX", "")).strip("/")
    return Settings(
        python=environment.get("LOCALMODEL_PYTHON", DEFAULTS["LOCALMODEL_PYTHON"]),
        worker_count=worker_count,
        scoring_timeout_ms=_timeout_ms(environment),
        max_request_bytes=read_whole_number(environment, "LOCALMODEL_MAX_REQUEST_BYTES", at_least=1),
        max_decoded_bytes=read_whole_number(environment, "LOCALMODEL_MAX_DECODED_BYTES", at_least=1),
        revision=_header_text(environment, "LOCALMODEL_REVISION"),
        drain_seconds=read_whole_number(environment, "LOCALMODEL_DRAIN_SECONDS", at_least=0),
        app_root=Path(environment.get("AML_APP_ROOT", APP_ROOT)),
        model=_header_text(environment, "LOCALMODEL_MODEL"),
        model_name=_header_text(environment, "LOCALMODEL_MODEL_NAME") or environment.get("SERVICE_NAME") or "model",
        strict=_truth(environment, "LOCALMODEL_STRICT_PARITY"),
        batching=_choice(environment, "LOCALMODEL_BATCHING", ("auto", "off")) == "auto",
        input_key=_text(environment, "LOCALMODEL_INPUT_KEY"),
        worker_preload=_truth(environment, "WORKER_PRELOAD"),
        cors_origins=_listed(environment, "AML_CORS_ORIGINS"),
        hosts=read_hosts(environment),
        version_header=_truth(environment, "SERVER_VERSION_LOG_RESPONSE_ENABLED"),
        service_name=_text(environment, "SERVICE_NAME"),
        service_version=_text(environment, "SERVICE_VERSION"),
        service_path_prefix=f"/{prefix}" if prefix else "",
        log_level=_log_level(environment),
        log_format=_choice(environment, "LOCALMODEL_LOG_FORMAT", LOG_FORMATS),
        debug_port=read_port(environment, "AZUREML_DEBUG_PORT"),
        capture=_capture(environment),
        replay=_replay(environment),
        environment={**environment, **limits},
    )


def read_ports(environment: Mapping[str, str]) -> Ports:
    """Where to listen. Port 0 lets the system choose.

    Health gets a listener of its own when HEALTH_PORT is set to another port than the main one, or
    SEPERATE_HEALTH_ENDPOINT (spelled so) is true; false turns it off.

    Raises:
        SettingsError
    """
    main = _port(environment, "SERVER_PORT", DEFAULTS["SERVER_PORT"])
    health = _port(environment, "HEALTH_PORT", HEALTH_PORT)
    is_apart = "HEALTH_PORT" in environment
    if environment.get("SEPERATE_HEALTH_ENDPOINT"):
        is_apart = _truth(environment, "SEPERATE_HEALTH_ENDPOINT")
    if not is_apart or (health == main and health != 0):
        return Ports(main, None)
    return Ports(main, health)


def read_hosts(environment: Mapping[str, str]) -> frozenset[str]:
    """The names of the server: the machine's, its Service's, that of an Ingress, and those allowed.

    Raises:
        SettingsError
    """
    allowed = [name.lower().rstrip(".") for name in _listed(environment, "LOCALMODEL_ALLOWED_HOSTS")]
    for name in allowed:
        if not _HOST_NAME.fullmatch(name):
            raise SettingsError(
                f"LOCALMODEL_ALLOWED_HOSTS: {name!r} is not a host name; write names without scheme and port"
            )
    service, namespace = (environment.get(f"LOCALMODEL_SERVICE_{part}", "") for part in ("NAME", "NAMESPACE"))
    in_cluster = [f"{service}.{namespace}{end}" for end in _CLUSTER] if service and namespace else []
    public = environment.get("LOCALMODEL_PUBLIC_HOST", "")
    return frozenset(filter(None, [*allowed, public, service, *in_cluster, socket.gethostname().lower()]))


def read_revision_file(path: Path) -> dict[str, str]:
    """The environment variables in a revision file, `{"environment": {name: value}}`.

    Raises:
        SettingsError
    """
    try:
        text = read_file(path, _MOST_REVISION_BYTES)
        content = None if text is None else parse(text)
    except UnreadableError as error:
        raise SettingsError(f"revision file {path}: {error}") from error
    environment = content.get("environment") if isinstance(content, dict) else None
    if not isinstance(environment, dict):
        raise SettingsError(f'revision file {path}: expected an object {{"environment": {{name: value}}}}')
    for name, value in environment.items():
        if not isinstance(value, str):
            raise SettingsError(f"revision file {path}: {name} must be a string, not {json.dumps(value)}")
    return environment


def _capture(environment: Mapping[str, str]) -> CaptureSettings | None:
    try:
        return read_capture(environment)
    except CaptureError as error:
        raise SettingsError(str(error)) from None


def _replay(environment: Mapping[str, str]) -> ReplaySettings | None:
    try:
        return read_replay(environment)
    except ReplayError as error:
        raise SettingsError(str(error)) from None


def _timeout_ms(environment: Mapping[str, str]) -> int:
    milliseconds = read_whole_number(environment, "SCORING_TIMEOUT_MS", at_least=1)
    seconds = read_whole_number(environment, "WORKER_TIMEOUT", at_least=0)
    if not seconds:  # 0 is gunicorn's word for no limit
        return milliseconds
    return min(seconds * 1000, milliseconds) if "SCORING_TIMEOUT_MS" in environment else seconds * 1000


def _log_level(environment: Mapping[str, str]) -> str:
    text = _text(environment, "AZUREML_LOG_LEVEL")
    level = {"WARN": "WARNING", "FATAL": "CRITICAL"}.get(text.upper(), text.upper())
    if level not in LOG_LEVELS:
        raise SettingsError(f"AZUREML_LOG_LEVEL: {text!r} is not one of {', '.join(LOG_LEVELS)}")
    return level


def _header_text(environment: Mapping[str, str], name: str) -> str:
    text = environment.get(name, "")
    if not (text.isascii() and text.isprintable()):
        raise SettingsError(f"{name}: {text!r} cannot be sent in a header; use printable ASCII characters")
    return text


def read_whole_number(environment: Mapping[str, str], name: str, at_least: int) -> int:
    text = environment.get(name, DEFAULTS[name])
    try:
        number = int(text)
    except ValueError:
        raise SettingsError(f"{name}: {text!r} is not a whole number") from None
    if number < at_least:
        raise SettingsError(f"{name}: {number} is less than {at_least}")
    return number


def read_port(environment: Mapping[str, str], name: str) -> int | None:
    return _port(environment, name, "") if name in environment else None


def _port(environment: Mapping[str, str], name: str, default: str) -> int:
    text = environment.get(name, default)
    if not (text.isdecimal() and text.isascii() and int(text) <= 65535):
        raise SettingsError(f"{name}: {text!r} is not a port (0 to 65535)")
    return int(text)


def _text(environment: Mapping[str, str], name: str) -> str:
    """The variable's value; an empty one counts as not set."""
    return environment.get(name) or DEFAULTS[name]


def _truth(environment: Mapping[str, str], name: str) -> bool:
    text = _text(environment, name)
    if text.lower() in ("true", "1"):
        return True
    if text.lower() in ("false", "0"):
        return False
    raise SettingsError(f"{name}: {text!r} is neither true nor false")


def _choice(environment: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    text = _text(environment, name)
    if text.lower() not in choices:
        raise SettingsError(f"{name}: {text!r} is not one of {', '.join(choices)}")
    return text.lower()


def _listed(environment: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in environment.get(name, "").split(","))))
