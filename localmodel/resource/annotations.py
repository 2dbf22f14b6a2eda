"""Annotations of a manifest that name where its parts were read from, so that they can be read again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localmodel_untrusted import json_text

# Annotations of a manifest: where code, models (JSON: name -> path) and environment were read from, so that they can be
# read again.
SOURCE = "localmodel.dev/source"
MODEL_SOURCES = "localmodel.dev/model-sources"
ENVIRONMENT_SOURCE = "localmodel.dev/environment-source"


def annotate(manifest: dict[str, Any], name: str, text: str) -> None:
    """Set an annotation, or take it away where there is no text."""
    annotations = manifest["metadata"].setdefault("annotations", {})
    annotations.pop(name, None)
    if text:
        annotations[name] = text


def annotation(manifest: Mapping[str, Any], name: str) -> str:
    """What the manifest says under this name, "" if nothing."""
    return str((manifest["metadata"].get("annotations") or {}).get(name, ""))


def model_sources(manifest: Mapping[str, Any]) -> dict[str, Path]:
    """Where those of the manifest's models were read from that were given as paths, by name."""
    try:
        told = json_text.parse(annotation(manifest, MODEL_SOURCES).encode() or b"{}")
        return {str(name): Path(path) for name, path in told.items()}
    except (ValueError, TypeError, AttributeError):
        return {}  # somebody else has written it
