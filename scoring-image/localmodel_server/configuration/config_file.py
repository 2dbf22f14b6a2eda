"""The config file: variables in JSON, which the command line and the environment win over."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from localmodel_server.configuration.settings import APP_ROOT, SettingsError, read_ports, read_settings
from localmodel_server.configuration.variables import IGNORED, NAMES
from localmodel_untrusted.files import UnreadableError, read_file
from localmodel_untrusted.json_text import parse

_FOUND_BY_ITSELF = "config.json"
_NO_INSIGHTS = (
    "AML_APP_INSIGHTS_KEY (--appinsights_instrumentation_key) is ignored: nothing is sent to Application Insights; "
    "GET /metrics has figures for Prometheus"
)


class Composed(NamedTuple):
    """Variables with those of the config file under them, and what to log about it: (level, text)."""

    environment: dict[str, str]
    notes: list[tuple[int, str]]


def compose(environment: Mapping[str, str], app_root: str = APP_ROOT) -> Composed:
    """Put the config file's variables under those of the environment.

    app_root is the AML_APP_ROOT where neither names one. The file is AZUREML_CONFIG_FILE, or else a config.json in
    AML_APP_ROOT or beside the entry script, if that one is meant for a server: others have files of that name, too.

    Raises:
        SettingsError: which names file and key.
    """
    named = environment.get("AZUREML_CONFIG_FILE")
    if named:
        from_file, notes = _read_named(Path(named))
    else:
        from_file, notes = _look_around({"AML_APP_ROOT": app_root, **environment})
    variables = {"AML_APP_ROOT": app_root, **from_file, **environment}
    if "AML_APP_INSIGHTS_KEY" in variables:
        notes.append((logging.WARNING, _NO_INSIGHTS))
    return Composed(variables, notes)


def _read_named(path: Path) -> tuple[dict[str, str], list[tuple[int, str]]]:
    try:
        text = read_file(path)
        if text is None:
            raise UnreadableError("No such file or directory")
        content = parse(text)
    except UnreadableError as error:
        raise SettingsError(f"AZUREML_CONFIG_FILE: {path}: {error}") from error
    if not isinstance(content, dict):
        raise SettingsError(f"AZUREML_CONFIG_FILE: {path}: expected an object {{name: value}}")
    unknown = sorted(set(content) - NAMES - IGNORED)
    notes = [(logging.INFO, f"settings from the config file {path}")]
    if unknown:
        notes.append((logging.WARNING, f"config file {path}: no such settings, ignored: {', '.join(unknown)}"))
    return _variables(path, content), notes


def _look_around(environment: Mapping[str, str]) -> tuple[dict[str, str], list[tuple[int, str]]]:
    root = Path(environment["AML_APP_ROOT"])
    beside_script = (root / environment.get("AZUREML_ENTRY_SCRIPT", "")).parent
    notes = []
    for folder in dict.fromkeys([root, beside_script]):
        path = folder / _FOUND_BY_ITSELF
        try:
            text = read_file(path)
            content = None if text is None else parse(text)
        except UnreadableError:
            content = None
        if isinstance(content, dict) and not NAMES.isdisjoint(content):
            notes.append((logging.INFO, f"settings from the config file {path}"))
            return _variables(path, content), notes
        if path.is_file():
            notes.append((logging.INFO, f"{path} has no settings of this server: not read as its config file"))
    return {}, notes


def _variables(path: Path, content: Mapping[str, Any]) -> dict[str, str]:
    """The values of the known variables as text.

    Raises:
        SettingsError: for the first whose value cannot be used.
    """
    variables = {
        name: _text(path, name, value) for name, value in content.items() if name in NAMES and value is not None
    }
    try:
        read_settings(variables, cpus=1)
        read_ports(variables)
    except SettingsError as error:
        raise SettingsError(f"config file {path}: {error}") from None
    return variables


def _text(path: Path, name: str, value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int)):
        return str(value)
    raise SettingsError(f"config file {path}: {name}: {json.dumps(value)} is not text, a whole number, true or false")
