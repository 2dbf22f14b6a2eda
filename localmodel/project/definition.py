"""From values to the manifest of a deployment."""

import copy
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.project.server_options import manifest_fields
from localmodel.resource import schema
from localmodel.resource.annotations import (
    ENVIRONMENT_CHOSEN,
    ENVIRONMENT_SOURCE,
    MODEL_SOURCES,
    PYTHON,
    SOURCE,
    annotate,
)
from localmodel.resource.spec import EnvironmentSpec, ModelRef
from localmodel.store import CodeVersion, EnvironmentVersion, ModelVersion

_NAME = re.compile(r"[a-z]([-a-z0-9]{0,46}[a-z0-9])?")
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")


def empty(name: str) -> dict[str, Any]:
    """The manifest of a deployment, for changed() to fill. It is checked when it is applied."""
    return {"apiVersion": schema.API_VERSION, "kind": schema.KIND, "metadata": {"name": name}, "spec": {}}


def changed(
    before: Mapping[str, Any],
    *,
    code: CodeVersion | None = None,
    models: Sequence[ModelVersion | ModelRef] | None = None,
    environment: EnvironmentVersion | EnvironmentSpec | None = None,
    variables: Mapping[str, str] | None = None,
    port: int | None = None,
    server: Mapping[str, object] | None = None,
    capture: Mapping[str, Any] | None = None,
    replicas: int | None = None,
    gate: Sequence[Mapping[str, Any]] | None = None,
    update: Mapping[str, Mapping[str, Any]] | None = None,
    source: Path | None = None,
    model_sources: Mapping[str, Path] | None = None,
    environment_source: Path | None = None,
    environment_chosen: bool = False,
    python: str = "",
) -> dict[str, Any]:
    """A copy of the manifest in which each field that is given takes the place of the one before.

    An empty `gate` is none, and so is an empty field of `update`. `variables` are the deployment's own: an environment
    of the store brings its variables itself. `source` is where `code`, or a model without code, was read from;
    `model_sources` and `environment_source` are the same for models (by name) and environment. `environment_chosen`:
    nobody named that file. `python` is the version that was asked for beside the environment.

    Raises:
        UserError: InvalidManifest, for an unknown option of the server.
    """
    after = copy.deepcopy(dict(before))
    spec = after["spec"]
    if code is not None:
        spec["scoring"] = {
            "entryScript": code.entry,
            "source": {"code": {"name": code.name, "version": code.version}},
        }
    if code is not None or source is not None:
        annotate(after, SOURCE, str(source or ""))
    if models is not None:
        spec["models"] = [_model(model, before["spec"].get("models", ())) for model in models]
        paths = {name: str(path) for name, path in (model_sources or {}).items()}
        annotate(after, MODEL_SOURCES, json.dumps(paths) if paths else "")
    if environment is not None:
        spec["environment"] = _environment(environment)
        annotate(after, ENVIRONMENT_SOURCE, str(environment_source or ""))
        annotate(after, ENVIRONMENT_CHOSEN, "true" if environment_chosen else "")
        annotate(after, PYTHON, python)
    if variables is not None:
        spec["env"] = [{"name": key, "value": variables[key]} for key in variables]
    if port is not None:
        spec["service"] = {**spec.get("service", {}), "localPort": port}
    if server is not None:
        spec["server"] = manifest_fields(server)
    if capture is not None:
        spec["capture"] = dict(capture)
    if replicas is not None:
        spec["replicas"] = replicas
    if gate is not None:
        spec["update"] = _with(spec.get("update", {}), "gate", {"requests": [*gate]} if gate else {})
    for name, fields in (update or {}).items():
        spec["update"] = _with(spec.get("update", {}), name, fields)
    return after


def _with(fields: Mapping[str, Any], name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with this one, or without it if it is empty."""
    others = {field: fields[field] for field in fields if field != name}
    return {**others, **({name: value} if value else {})}


def _model(model: ModelVersion | ModelRef, before: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    if isinstance(model, ModelVersion):
        return {"name": model.name, "version": model.version}
    wanted = {"name": model.name, "uri": model.uri}
    # What the manifest says beside the address stays, as long as the address does.
    return next((dict(one) for one in before if one.items() >= wanted.items()), wanted)


def _environment(environment: EnvironmentVersion | EnvironmentSpec) -> dict[str, Any]:
    if isinstance(environment, EnvironmentVersion):
        return {"ref": {"name": environment.name, "version": environment.version}}
    if environment.dockerfile is not None:
        raise ValueError("a manifest has no field for a Dockerfile: register the environment")
    fields: dict[str, Any] = {"python": environment.python, "requirements": list(environment.requirements)}
    if environment.base_image is not None:
        fields["baseImage"] = environment.base_image
    return fields


def check_name(name: str) -> None:
    """Before anything is kept under the name: a Service is named after it.

    Raises:
        UserError: DeploymentNameInvalid.
    """
    if not _NAME.fullmatch(name):
        raise UserError(
            reasons.DEPLOYMENT_NAME_INVALID,
            f"{name!r} is not a valid deployment name: use lower-case letters, digits and '-', start with a letter, "
            "do not end with '-', at most 48 characters",
        )


def model_name(path: Path) -> str:
    """The name under which a file or folder is registered that was given without one: its own, cleaned."""
    if path.name in ("", ".."):  # "." and ".." have no name of their own
        path = path.resolve()
    stem = path.stem if path.is_file() else path.name
    return _NOT_IN_A_NAME.sub("-", stem)[:255].strip(".-_") or "model"
