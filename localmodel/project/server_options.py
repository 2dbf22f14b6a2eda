"""The server's settings, as Python's keywords and as the manifest's fields."""

from collections.abc import Mapping
from dataclasses import fields
from typing import TypedDict

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.resource.server_settings import ServerSettings


class ServerOptions(TypedDict, total=False):
    """Options of a deployment's server; what is left out has its default.

    Attributes:
        workers: processes that run the script, each with its own init() and memory; 1.
        scoring_timeout_seconds: the longest a single run() may take; 60.
        max_request_bytes: the largest request body; 104857600.
    """

    workers: int
    scoring_timeout_seconds: int
    max_request_bytes: int


def manifest_fields(options: Mapping[str, object]) -> dict[str, object]:
    """The options as `spec.server` of a manifest.

    Raises:
        UserError: InvalidManifest, for a key that is not an option.
    """
    names = {setting.name: setting.metadata["name"] for setting in fields(ServerSettings)}
    for key in options:
        if key not in names:
            meant = next((option for option, name in names.items() if name == key), "")
            advice = f"write {meant!r}" if meant else f"choose from {', '.join(names)}"
            raise UserError(reasons.INVALID_MANIFEST, f"server: unknown option {key!r}; {advice}")
    return {names[key]: value for key, value in options.items()}
