"""Annotations of a manifest that record where its parts were read from, so that they can be read again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localmodel_untrusted import json_text

# The sources of code, models (JSON: name -> path) and environment.
SOURCE = "localmodel.dev/source"
MODEL_SOURCES = "localmodel.dev/model-sources"
ENVIRONMENT_SOURCE = "localmodel.dev/environment-source"
# "true" if nobody named that file, and it was chosen among those of the folder.
ENVIRONMENT_CHOSEN = "localmodel.dev/environment-chosen"
# The Python that was asked for, so that it stays when the environment is read again.
PYTHON = "localmodel.dev/python"


def annotate(manifest: dict[str, Any], name: str, text: str) -> None:
    """Set an annotation, or remove it if the text is empty."""
    annotations = manifest["metadata"].setdefault("annotations", {})
    annotations.pop(name, None)
    if text:
        annotations[name] = text


def annotation(manifest: Mapping[str, Any], name: str) -> str:
    """The value of the annotation, or ""."""
    return str((manifest["metadata"].get("annotations") or {}).get(name, ""))


def model_sources(manifest: Mapping[str, Any]) -> dict[str, Path]:
    """The paths of the manifest's models that were given as paths, by name."""
    try:
        sources = json_text.parse(annotation(manifest, MODEL_SOURCES).encode() or b"{}")
        return {str(name): Path(path) for name, path in sources.items()}
    except (ValueError, TypeError, AttributeError):
        return {}  # it was not written by us
