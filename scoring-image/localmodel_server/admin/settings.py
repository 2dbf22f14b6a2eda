"""What a pod knows of itself when the operator may call it, read from environment variables."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from localmodel_server.configuration.settings import SettingsError, read_port, read_whole_number

_KEY_BYTES = 32
# The server's own: workers do not get them, so that they cannot differ between a swap and a restart.
NAMES = frozenset(
    {
        *("LOCALMODEL_ADMIN_PORT", "LOCALMODEL_ADMIN_KEY", "LOCALMODEL_POD_UID", "LOCALMODEL_OWNER"),
        *("LOCALMODEL_EPOCH", "LOCALMODEL_ENVIRONMENT", "LOCALMODEL_STATE_FOLDER", "LOCALMODEL_WANTED_FOLDER"),
        "LOCALMODEL_MAX_BUNDLE_BYTES",
    }
)


@dataclass(frozen=True)
class AdminSettings:
    """key is the operator's public key, 32 bytes; epoch, content and environment are those of the image.

    owner is the deployment that the pod is of, NAMESPACE/NAME/UID: a decision about another one is not obeyed.
    """

    port: int
    key: bytes
    pod: str
    owner: str
    epoch: int
    content: str
    environment: str
    state_folder: Path
    wanted_folder: Path | None
    max_bundle_bytes: int


def read_admin(environment: Mapping[str, str]) -> AdminSettings | None:
    """The settings, or None without LOCALMODEL_ADMIN_PORT.

    Raises:
        SettingsError
    """
    port = read_port(environment, "LOCALMODEL_ADMIN_PORT")
    if port is None:
        return None
    for name in ("LOCALMODEL_ADMIN_KEY", "LOCALMODEL_POD_UID", "LOCALMODEL_STATE_FOLDER"):
        if not environment.get(name):
            raise SettingsError(f"{name} is not set, and LOCALMODEL_ADMIN_PORT needs it")
    wanted = environment.get("LOCALMODEL_WANTED_FOLDER")
    return AdminSettings(
        port=port,
        key=_key(environment["LOCALMODEL_ADMIN_KEY"]),
        pod=environment["LOCALMODEL_POD_UID"],
        owner=environment.get("LOCALMODEL_OWNER", ""),
        epoch=read_whole_number(environment, "LOCALMODEL_EPOCH", at_least=0),
        content=environment.get("LOCALMODEL_CONTENT", ""),
        environment=environment.get("LOCALMODEL_ENVIRONMENT", ""),
        state_folder=Path(environment["LOCALMODEL_STATE_FOLDER"]),
        wanted_folder=Path(wanted) if wanted else None,
        max_bundle_bytes=read_whole_number(environment, "LOCALMODEL_MAX_BUNDLE_BYTES", at_least=1),
    )


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise SettingsError(f"LOCALMODEL_ADMIN_KEY: expected {_KEY_BYTES} bytes in base64 (an Ed25519 public key)")
    return key
