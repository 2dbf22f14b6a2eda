"""The fields of `spec.server`, and the variables that the scoring server reads them from.

The CRD and the server's `configuration/variables.py` name them too: `test_server_settings_agree.py` holds
the three equal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields


def _setting(default: int, name: str, variable: str, factor: int = 1) -> int:
    """A field called `name` in `spec.server`, whose value times `factor` is that of the server's variable."""
    return field(default=default, metadata={"name": name, "variable": variable, "factor": factor})


@dataclass(frozen=True)
class ServerSettings:
    workers: int = _setting(1, "workers", "WORKER_COUNT")
    scoring_timeout_seconds: int = _setting(60, "scoringTimeoutSeconds", "SCORING_TIMEOUT_MS", 1000)
    max_request_bytes: int = _setting(104857600, "maxRequestBytes", "LOCALMODEL_MAX_REQUEST_BYTES")

    @classmethod
    def from_manifest(cls, server: Mapping[str, int]) -> "ServerSettings":
        """The settings of a valid `spec.server`."""
        manifest_names = {setting.name: setting.metadata["name"] for setting in fields(cls)}
        return cls(**{name: server[key] for name, key in manifest_names.items() if key in server})

    def as_manifest(self) -> dict[str, int]:
        """The settings in the form of `spec.server`."""
        return {setting.metadata["name"]: getattr(self, setting.name) for setting in fields(self)}

    def variables(self) -> dict[str, str]:
        """The settings as variables of the scoring server."""
        return {
            setting.metadata["variable"]: str(getattr(self, setting.name) * setting.metadata["factor"])
            for setting in fields(self)
        }
