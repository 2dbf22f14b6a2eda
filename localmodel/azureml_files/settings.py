"""Values that v1 and v2 have in common: times, variables, amounts, labels."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localmodel.azureml_files.document import Node
from localmodel.azureml_files.fields import refusal, texts

# Set by the server, in Azure ML and here.
_SET_BY_THE_DEPLOYMENT = ("AZUREML_MODEL_DIR", "AZUREML_ENTRY_SCRIPT", "AML_APP_ROOT")
_LABEL_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
GPU = "nvidia.com/gpu"


@dataclass
class Settings:
    """Fields of the manifest's spec, and notes on them."""

    spec: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def server(variables: Node | None, timeout_ms: int | None, concurrency: int | None) -> Settings:
    """`spec.env` and `spec.server`, from environment variables and other settings of the server.

    Raises:
        UserError: AzureFieldRefused.
    """
    settings_found = Settings()
    settings: dict[str, int] = {}
    environment = texts(variables)
    workers = _number(variables, "WORKER_COUNT", environment.pop("WORKER_COUNT", None)) or concurrency
    if workers:
        settings["workers"] = workers
    limits = [timeout_ms, _number(variables, "SCORING_TIMEOUT_MS", environment.pop("SCORING_TIMEOUT_MS", None))]
    if given := [limit for limit in limits if limit]:
        settings["scoringTimeoutSeconds"] = -(-min(given) // 1000)
    for name in _SET_BY_THE_DEPLOYMENT:
        if name in environment and variables is not None:
            del environment[name]
            settings_found.notes.append(variables.problem(f"{name} is set by the deployment itself"))
    if environment:
        settings_found.spec["env"] = [{"name": name, "value": value} for name, value in environment.items()]
    if settings:
        settings_found.spec["server"] = settings
    return settings_found


def _number(variables: Node | None, name: str, value: str | None) -> int | None:
    if value is None or variables is None:
        return None
    if not value.isdecimal() or int(value) == 0:
        raise refusal(variables.problem(f"{name}: {value!r} is not a whole number above 0"))
    return int(value)


def labels(tags: Node | None) -> tuple[dict[str, str], list[str]]:
    """`metadata.labels`, and a note on each tag that is not a valid label."""
    kept, notes = {}, []
    for name, value in texts(tags).items():
        if is_label(name, value):
            kept[name] = value
        elif tags is not None:
            notes.append(
                tags.problem(f"{name}: {value!r} cannot be a label (letters, digits, '-', '_', '.', 63 at most)")
            )
    return kept, notes


def is_label(name: str, value: str) -> bool:
    return bool(_LABEL_NAME.fullmatch(name) and _LABEL_VALUE.fullmatch(value))


def amounts(requests: Mapping[str, str], limits: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """`spec.resources` of the amounts that are not empty; `gpu` gets its name in Kubernetes."""
    pairs = {"requests": requests, "limits": limits}
    return {
        key: {GPU if name == "gpu" else name: value for name, value in given.items()}
        for key, given in pairs.items()
        if given
    }
