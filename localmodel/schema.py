"""Checking a manifest without an API server: the CRD's own schema, defaults and rules."""

import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, TypeAlias

import yaml

from localmodel import data
from localmodel.errors import UserError

# From the root of a manifest to a field in it
Place: TypeAlias = "tuple[str | int, ...]"

API_VERSION = "localmodel.dev/v1alpha1"
KIND = "LocalModelDeployment"

_FILE_NAME = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.-]*/)*[A-Za-z0-9_][A-Za-z0-9_.-]*")
_RESOURCE_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
# Variables of the scoring server that are the user's to set; the same list is in crds/.
_SERVER_OPTIONS = (
    "LOCALMODEL_ALLOWED_HOSTS",
    "LOCALMODEL_BATCHING",
    "LOCALMODEL_INPUT_KEY",
    "LOCALMODEL_LOG_FORMAT",
    "LOCALMODEL_STRICT_PARITY",
)
_INLINE_LIMIT = 128 * 1024


@cache
def resource_schema() -> dict[str, Any]:
    """The CRD's schema of the kind, closed against unknown fields as `kubectl apply` would refuse them."""
    crd = yaml.safe_load((data.folder("crds") / "localmodeldeployments.yaml").read_text())
    schema: dict[str, Any] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    del schema["properties"]["status"]["default"]  # what users write has none
    schema["properties"]["metadata"]["required"] = ["name"]
    schema["properties"]["metadata"]["properties"] = {"name": {"type": "string"}}
    for name in ("namespace", "labels", "annotations"):
        schema["properties"]["metadata"]["properties"][name] = {}
    _close(schema)
    return schema


def validate(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the manifest with the schema's defaults filled in.

    Raises:
        UserError: InvalidManifest; the message lists each wrong field by its path.
    """
    completed = copy.deepcopy(dict(manifest))
    schema = resource_schema()
    fill_in(completed, schema)
    found = [f"{text(place) or 'manifest'}: {what}" for place, what in problems(completed, schema)]
    if not found:
        found = list(_rules(completed))
    if found:
        raise UserError("InvalidManifest", "\n".join(sorted(found)))
    return completed


def problems(value: Any, schema: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """What the schema does not allow in a value, and where."""
    import jsonschema  # takes longer than all the rest of a command that needs none of it

    for error in jsonschema.Draft202012Validator(schema).iter_errors(value):
        place = tuple(error.absolute_path)
        if error.validator == "additionalProperties":
            allowed: dict[str, Any] = error.schema["properties"]
            unknown: Iterable[str] = sorted(set(error.instance) - set(allowed))
            yield from (((*place, name), "unknown field") for name in unknown)
        else:
            yield place, error.message


def text(place: Place) -> str:
    """A place as people write it: ``spec.models[0].name``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")


def _close(schema: dict[str, Any]) -> None:
    if "properties" in schema:
        schema.setdefault("additionalProperties", False)
        for child in schema["properties"].values():
            _close(child)
    if isinstance(schema.get("items"), dict):
        _close(schema["items"])


def fill_in(value: Any, schema: Mapping[str, Any]) -> None:
    """Put the schema's defaults where a value says nothing."""
    if isinstance(value, dict):
        for name, child in schema.get("properties", {}).items():
            if "default" in child:
                value.setdefault(name, copy.deepcopy(child["default"]))
            if name in value:
                fill_in(value[name], child)
    elif isinstance(value, list):
        for item in value:
            fill_in(item, schema.get("items", {}))


def _rules(manifest: Mapping[str, Any]) -> Iterator[str]:
    """The CRD's CEL rules, for where no API server evaluates them."""
    name, spec = manifest["metadata"]["name"], manifest["spec"]
    if len(name) > 48:
        yield "metadata.name: at most 48 characters"
    if not _RESOURCE_NAME.fullmatch(name):
        yield "metadata.name: lower-case letters, digits and '-', starting with a letter"
    source = spec["scoring"]["source"]
    if len(source) != 1:
        yield "spec.scoring.source: exactly one of configMap, inline and code"
    elif "inline" in source:
        yield from _inline_rules(source["inline"], spec["scoring"]["entryScript"])
    environment = spec["environment"]
    if "ref" in environment and (environment["requirements"] or "baseImage" in environment):
        yield "spec.environment: either ref, or requirements and baseImage"
    gate = spec["update"].get("gate")
    if gate is not None and ("requests" in gate) == ("configMap" in gate):
        yield "spec.update.gate: exactly one of requests and configMap"
    if len(spec["update"].get("gate", "1")) != 1:
        yield "spec.update.gate: exactly one of requests and configMap"
    for index, variable in enumerate(spec["env"]):
        if "value" in variable and "valueFrom" in variable:
            yield f"spec.env[{index}]: one of value and valueFrom"
        if variable["name"] in ("WORKER_COUNT", "SCORING_TIMEOUT_MS"):
            yield f"spec.env[{index}].name: set spec.server.workers or spec.server.scoringTimeoutSeconds instead"
        elif _is_reserved(variable["name"]):
            yield f"spec.env[{index}].name: {variable['name']} is set by the deployment itself; choose another name"


def _is_reserved(name: str) -> bool:
    if name.startswith("LOCALMODEL_"):
        return name not in _SERVER_OPTIONS
    return name in ("AZUREML_MODEL_DIR", "AZUREML_ENTRY_SCRIPT", "AML_APP_ROOT")


def _inline_rules(inline: Mapping[str, str], entry: str) -> Iterator[str]:
    for name in inline:
        if not _FILE_NAME.fullmatch(name) or len(name) > 200:
            yield (
                f"spec.scoring.source.inline: {name!r} is no file name: letters, digits, '_', '-', '.', "
                "with '/' between folders; no '..', no '/' at the ends, 200 characters at most"
            )
    if sum(map(len, inline.values())) > _INLINE_LIMIT:
        yield "spec.scoring.source.inline: 128 KiB in all at most; put larger code into a ConfigMap"
    if entry not in inline:
        yield f"spec.scoring.entryScript: {entry} is not in spec.scoring.source.inline"
