"""Manifests that the tests apply, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Object = dict[str, Any]


def script(answer: str) -> str:
    """An entry script that always gives this answer."""
    return f"def init():\n    pass\n\n\ndef run(raw_data):\n    return {answer!r}\n"


def inline(text: str) -> Object:
    """spec.scoring with one file in the manifest."""
    return {"entryScript": "score.py", "source": {"inline": {"score.py": text}}}


def from_config_map(name: str) -> Object:
    """spec.scoring with the files of a ConfigMap."""
    return {"entryScript": "score.py", "source": {"configMap": {"name": name}}}


def lmd(name: str, port: int, scoring: Mapping[str, Any], **fields: Any) -> Object:
    """A LocalModelDeployment; `fields` are further fields of the spec."""
    return {
        "apiVersion": "localmodel.dev/v1alpha1",
        "kind": "LocalModelDeployment",
        "metadata": {"name": name},
        "spec": {"scoring": dict(scoring), "service": {"localPort": port}, **fields},
    }


def with_fields(manifest: Object, **fields: Any) -> Object:
    """The manifest with these fields of the spec in place of its own."""
    return {**manifest, "spec": {**manifest["spec"], **fields}}


def config_map(name: str, data: Mapping[str, str]) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": dict(data)}
