"""Checks a manifest without an API server, with the CRD's own schema, defaults and rules."""

import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import yaml

from localmodel import data, entry_script, reasons
from localmodel.errors import UserError
from localmodel.resource import rules
from localmodel.resource.rules import Place as Place

API_VERSION = "localmodel.dev/v1alpha1"
KIND = "LocalModelDeployment"

# The CRD is long: the parser written in C, which some builds of PyYAML lack, reads it in an eighth of the time.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def resource_schema() -> dict[str, Any]:
    """The CRD's schema of the kind, without unknown fields, which `kubectl apply` would refuse."""
    crd = yaml.load((data.path("crds") / "localmodeldeployments.yaml").read_text(), _Loader)  # noqa: S506 - a safe one
    schema: dict[str, Any] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    del schema["properties"]["status"]["default"]  # users do not write a status
    schema["properties"]["metadata"]["required"] = ["name"]
    for name in ("namespace", "labels", "annotations"):
        schema["properties"]["metadata"]["properties"][name] = {}
    _close(schema)
    return schema


def validate(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Check the manifest; return a copy with the schema's defaults filled in.

    Raises:
        UserError: InvalidManifest; the message lists each wrong field by its path.
    """
    completed = copy.deepcopy(dict(manifest))
    schema = resource_schema()
    fill_in(completed, schema)
    wrong = [*problems(completed, schema), *rules.broken(completed, schema)]
    if wrong:
        messages = {f"{text(place) or 'manifest'}: {what}" for place, what in wrong}
        raise UserError(reasons.INVALID_MANIFEST, "\n".join(sorted(messages)))
    return completed


def problems(value: Any, schema: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """The places where the schema does not allow a value, with messages."""
    import jsonschema  # here, because its import takes longer than most commands

    judge = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]
    for error in judge(schema).iter_errors(value):
        place = tuple(error.absolute_path)
        if error.validator == "additionalProperties":
            allowed: dict[str, Any] = error.schema["properties"]
            unknown: Iterable[str] = sorted(set(error.instance) - set(allowed), key=str)
            yield from (((*place, name), "unknown field") for name in unknown)
        elif error.validator == "pattern":
            yield place, _not_of_the_form(place, error)
        elif error.schema.get("type") != "string" or isinstance(error.instance, str):
            yield place, error.message
        elif error.validator == "type":
            yield place, error.message + _in_quotes(error.instance, error.schema.get("enum", ()))


def _not_of_the_form(place: Place, error: Any) -> str:
    """What form the text at this place has, in words where a pattern says little."""
    if place[-1:] == ("entryScript",):
        return entry_script.wrong_name(error.instance)
    words = {
        "uri": "not an address, such as https://HOST/PATH or hf://OWNER/MODEL@REVISION",
        "tolerance": f"{error.instance!r} is not a decimal number, such as 0.001 or 1e-6",
        "env": f"{error.instance!r} is not a name of a variable: use letters, digits and _",
        "ignore": f"{error.instance!r} is not a path, such as $.took or $.rows[*].time",
        "redact": f"{error.instance!r} is not a path, such as $.ssn or $.data[*].ssn",
        "headers": f"{error.instance!r} is not the name of a header",
        "limits": f"{error.instance!r} is not a quantity, such as 512Mi or 0.5",
        "requests": f"{error.instance!r} is not a quantity, such as 512Mi or 0.5",
    }
    of = (
        place[2]
        if place[:2] == ("spec", "capture")
        else place[3]
        if place[:3] == ("spec", "update", "replay")
        else place[1]
        if place[:2] == ("spec", "env")
        else place[-2]
        if place[1:2] == ("resources",)
        else place[-1]
    )
    return words.get(str(of), str(error.message))


def _in_quotes(value: Any, allowed: Iterable[str]) -> str:
    """Advice if YAML has read a text as something else, such as 3.10 as the number 3.1."""
    if not isinstance(value, bool | int | float):
        return ""
    meant = [f'"{text}"' for text in allowed if re.fullmatch(r"[\d.]+", text) and float(text) == value]
    return f": write it in quotes{''.join(f', {text}' for text in meant)}"


def _pattern(judge: Any, pattern: str, value: Any, schema: Any) -> Iterator[Exception]:
    """Check a pattern as the API server does: `$` is only the end of the text, not also before a line break."""
    import jsonschema

    if isinstance(value, str) and not re.search(re.sub(r"(?<!\\)\$$", r"\\Z", pattern), value):
        yield jsonschema.ValidationError(f"{value!r} does not match {pattern!r}")


def text(place: Place) -> str:
    """A place in words: `spec.models[0].name`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")


def _close(schema: dict[str, Any]) -> None:
    if "properties" in schema:
        schema.setdefault("additionalProperties", False)
        for child in schema["properties"].values():
            _close(child)
    if isinstance(schema.get("items"), dict):
        _close(schema["items"])


def fill_in(value: Any, schema: Mapping[str, Any]) -> None:
    """Set the schema's defaults where the value has nothing or null."""
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        for name, child in properties.items():
            if "default" in child and value.get(name) is None:
                value[name] = copy.deepcopy(child["default"])
        for name in list(value):
            child = properties.get(name, schema.get("additionalProperties"))
            if not isinstance(child, Mapping) or "x-kubernetes-preserve-unknown-fields" in child:
                continue
            if value[name] is None:
                del value[name]
            else:
                fill_in(value[name], child)
    elif isinstance(value, list):
        for item in value:
            fill_in(item, schema.get("items", {}))
