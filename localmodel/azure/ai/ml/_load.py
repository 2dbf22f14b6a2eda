"""Entities from YAML files, and from the plain documents that they stand for."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import IO, Any, TypeVar

from localmodel.azure.ai.ml.entities import (
    BuildContext,
    CodeConfiguration,
    Environment,
    KubernetesOnlineDeployment,
    KubernetesOnlineEndpoint,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
    OnlineDeployment,
    OnlineEndpoint,
    OnlineRequestSettings,
    ProbeSettings,
    ResourceRequirementsSettings,
    ResourceSettings,
)
from localmodel.azure.ai.ml.exceptions import ValidationException, translated
from localmodel.azureml_files import document
from localmodel.azureml_files.document import Node
from localmodel.azureml_files.fields import look_over, refusal, text, texts
from localmodel.azureml_files.v2.fields import DEPLOYMENT, ENDPOINT

E = TypeVar("E")
Source = str | os.PathLike[str] | IO[str]
Overrides = Sequence[Mapping[str, Any]] | None

_INSIDE: Mapping[str, type] = {
    "model": Model,
    "environment": Environment,
    "build": BuildContext,
    "code_configuration": CodeConfiguration,
    "request_settings": OnlineRequestSettings,
    "liveness_probe": ProbeSettings,
    "readiness_probe": ProbeSettings,
    "resources": ResourceRequirementsSettings,
    "requests": ResourceSettings,
    "limits": ResourceSettings,
}
_PATHS = ("path", "code", "conda_file")
# Their values are texts, as they are written.
_TEXTS = ("environment_variables", "tags")


def load_online_endpoint(
    source: Source, relative_origin: str | None = None, *, params_override: Overrides = None, **_: object
) -> OnlineEndpoint:
    """The endpoint of a YAML file. `params_override` are fields, as `[{"name": "churn"}]`, in place of the file's.

    Raises:
        ValidationException: the file is missing, or has a wrong field; the message has its line.
    """
    with translated():
        root = _read(source)
        look_over(root, ENDPOINT)
        content = _content(root, source, relative_origin, params_override)
        return endpoint(content, _kind(root))


def load_online_deployment(
    source: Source, *, relative_origin: str | None = None, params_override: Overrides = None, **_: object
) -> OnlineDeployment:
    """The deployment of a YAML file; see load_online_endpoint().

    Raises:
        ValidationException: the file is missing, or has a wrong field; the message has its line.
    """
    with translated():
        root = _read(source)
        look_over(root, DEPLOYMENT)
        content = _content(root, source, relative_origin, params_override)
        return deployment(content, _kind(root))


def load_model(
    source: Source, *, relative_origin: str | None = None, params_override: Overrides = None, **_: object
) -> Model:
    """The model of a YAML file; see load_online_endpoint().

    Raises:
        ValidationException: the file is missing, or has a wrong field; the message has its line.
    """
    return _load(Model, source, relative_origin, params_override)


def load_environment(
    source: Source, *, relative_origin: str | None = None, params_override: Overrides = None, **_: object
) -> Environment:
    """The environment of a YAML file; see load_online_endpoint().

    Raises:
        ValidationException: the file is missing, or has a wrong field; the message has its line.
    """
    return _load(Environment, source, relative_origin, params_override)


def endpoint(content: Mapping[str, Any], kind: str) -> OnlineEndpoint:
    """The endpoint of a document. `kind` is "managed" or "kubernetes"."""
    return entity(KubernetesOnlineEndpoint if kind == "kubernetes" else ManagedOnlineEndpoint, content)


def deployment(content: Mapping[str, Any], kind: str) -> OnlineDeployment:
    """The deployment of a document. `kind` is "managed" or "kubernetes"."""
    return entity(KubernetesOnlineDeployment if kind == "kubernetes" else ManagedOnlineDeployment, content)


def entity(kind: type[E], content: Mapping[str, Any]) -> E:
    """The entity of a document; fields that its class does not have are left out."""
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: _value(name, value) for name, value in content.items() if name in names})


def _value(name: str, value: Any) -> Any:
    return entity(_INSIDE[name], value) if name in _INSIDE and isinstance(value, Mapping) else value


def _load(kind: type[E], source: Source, origin: str | None, overrides: Overrides) -> E:
    with translated():
        root = _read(source)
        known = {"$schema", *(field.name for field in fields(kind))}  # type: ignore[arg-type]
        if unknown := [node for name, node in root.items() if name not in known]:
            raise refusal(*(node.problem(f"{kind.__name__} has no such field") for node in unknown))
        return entity(kind, _content(root, source, origin, overrides))


def _read(source: Source) -> Node:
    if isinstance(source, str | os.PathLike):
        return document.read(Path(source))
    return document.parse(source.read(), getattr(source, "name", "YAML"))


def _kind(root: Node) -> str:
    """As the document has it: in `type`, in its schema's address, or because only one kind has such a field."""
    named = f"{text(root.find('type')) or ''} {text(root.find('$schema')) or ''}".lower()
    return "kubernetes" if "kubernetes" in named or root.find("resources") or root.find("compute") else "managed"


def _content(root: Node, source: Source, origin: str | None, overrides: Overrides) -> dict[str, Any]:
    """The plain document with absolute paths, which are relative to the file's folder."""
    content: dict[str, Any] = root.plain()
    for name in _TEXTS:
        if node := root.find(name):
            content[name] = texts(node)
    for override in overrides or ():
        for path, value in override.items():
            _set(content, path.split("."), value)
    if isinstance(content.get("model"), str) and not content["model"].startswith(("azureml:", "/subscriptions/")):
        content["model"] = {"path": content["model"]}
    own = source if isinstance(source, str | os.PathLike) else str(getattr(source, "name", ""))
    return _located(content, Path(origin or own).absolute().parent)


def _set(content: dict[str, Any], path: Sequence[str], value: object) -> None:
    for name in path[:-1]:
        content = content.setdefault(name, {})
        if not isinstance(content, dict):
            raise ValidationException(f"params_override: {'.'.join(path)}: {name} has no fields")
    content[path[-1]] = value


def _located(content: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    located = {}
    for name, value in content.items():
        if name in _PATHS and isinstance(value, str) and "://" not in value and not value.startswith("azureml:"):
            value = str(folder / value)
        elif name in _INSIDE and isinstance(value, Mapping):
            value = _located(value, folder)
        located[name] = value
    return located
