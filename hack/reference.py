#!/usr/bin/env python3
"""Prints docs/reference/resource.md: every field of a LocalModelDeployment, from its definition in crds/."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

CRD = Path(__file__).resolve().parent.parent / "crds" / "localmodeldeployments.yaml"

HEAD = """\
# LocalModelDeployment

`{group}/{version}`, short name `{short}`. Made from `crds/{file}` by `hack/docs`; edit that one.

{description}
`kubectl explain {short}.spec --recursive` shows the same fields on a cluster.

## Rules for the whole
{rules}
## spec
{spec}
## status
Written by the operator only. What each reason of a condition means: [troubleshooting](../troubleshooting.md).

{status}"""

Schema = Mapping[str, Any]
# Kubernetes' own fields, which are the same in every pod.
_AS_IN_A_POD = ("spec.pod.tolerations", "spec.pod.affinity", "spec.pod.topologySpreadConstraints")


def render() -> str:
    """The page."""
    crd = yaml.safe_load(CRD.read_text())
    names, version = crd["spec"]["names"], crd["spec"]["versions"][0]
    root = version["schema"]["openAPIV3Schema"]
    return HEAD.format(
        group=crd["spec"]["group"],
        version=version["name"],
        short=names["shortNames"][0],
        file=CRD.name,
        description=root["description"],
        rules="".join(
            f"- `{rule['fieldPath'].lstrip('.')}`: {rule['message']}\n" for rule in root["x-kubernetes-validations"]
        ),
        spec=_table("| field | type | default | what it is |", _spec_rows("spec", root["properties"]["spec"])),
        status=_table("| field | type | what it is |", _status_rows("status", root["properties"]["status"])),
    )


def _table(head: str, rows: Iterator[str]) -> str:
    return "\n".join([head, "|---" * (head.count("|") - 1) + "|", *rows]) + "\n"


def _spec_rows(path: str, schema: Schema) -> Iterator[str]:
    for field, child, parent in _fields(path, schema):
        required = " (required)" if field.rpartition(".")[2] in parent.get("required", []) else ""
        text = " ".join([_text(child), *_bounds(child)])
        yield f"| `{field}` | {_type(child)}{required} | {_default(child)} | {text} |"


def _status_rows(path: str, schema: Schema) -> Iterator[str]:
    for field, child, _ in _fields(path, schema):
        yield f"| `{field}` | {_type(child)} | {_text(child)} |"


def _fields(path: str, schema: Schema) -> Iterator[tuple[str, Schema, Schema]]:
    """Each field below the path, with its schema and its parent's."""
    for name, child in schema.get("properties", {}).items():
        yield f"{path}.{name}", child, schema
        if f"{path}.{name}" in _AS_IN_A_POD:
            continue
        if child.get("type") == "array":
            yield from _fields(f"{path}.{name}[]", child["items"])
        else:
            yield from _fields(f"{path}.{name}", child)


def _type(schema: Schema) -> str:
    if schema.get("x-kubernetes-int-or-string"):
        return "quantity"
    if "type" not in schema:
        return "anything"
    if schema["type"] == "array":
        return f"list of {_type(schema['items'])}s"
    if isinstance(values := schema.get("additionalProperties"), dict):
        return "quantities by name" if _type(values) == "quantity" else f"{_type(values)}s by name"
    return str(schema["type"])


def _default(schema: Schema) -> str:
    # the default of an object only says that its fields have defaults
    if "default" not in schema or schema["type"] == "object":
        return ""
    return f"`{json.dumps(schema['default'])}`"


def _text(schema: Schema) -> str:
    rules = [*schema.get("x-kubernetes-validations", []), *schema.get("items", {}).get("x-kubernetes-validations", [])]
    sentences = [" ".join(schema.get("description", "").split()), *(f"Rule: {rule['message']}." for rule in rules)]
    return " ".join(sentences).replace("|", "\\|").replace("<", "&lt;")


def _bounds(schema: Schema) -> Iterator[str]:
    if "enum" in schema:
        yield f"One of {', '.join(map(str, schema['enum']))}."
    if "minimum" in schema:
        least, most = schema["minimum"], schema.get("maximum")
        yield f"At least {least}." if most is None else f"{least} to {most}."
    if "maxItems" in schema:
        yield f"At most {schema['maxItems']}."
    if "maxLength" in schema:
        yield f"At most {schema['maxLength']} characters."
    if "pattern" in schema:
        yield f"Matches `{schema['pattern']}`."


if __name__ == "__main__":
    print(render(), end="")
