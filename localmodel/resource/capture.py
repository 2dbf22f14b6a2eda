"""`spec.capture`: which requests are kept, and the variables that tell a server."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from localmodel import digests


def of_manifest(capture: Mapping[str, Any]) -> dict[str, Any]:
    """The field with its defaults; empty if it captures nothing."""
    return dict(capture) if capture.get("percent") else {}


def settings(capture: Mapping[str, Any]) -> dict[str, str]:
    """The server's variables wherever it runs."""
    return {"LOCALMODEL_CAPTURE": digests.canonical_json(dict(capture)).decode()} if capture else {}


def variables(capture: Mapping[str, Any], folder: PurePath) -> dict[str, str]:
    """The server's variables where it keeps the requests in this folder."""
    return {**settings(capture), "LOCALMODEL_CAPTURE_FOLDER": str(folder)} if capture else {}


def facts(capture: Mapping[str, Any]) -> dict[str, str]:
    """The value of each field, as text."""
    return {name: digests.canonical_json(value).decode() for name, value in capture.items()}
