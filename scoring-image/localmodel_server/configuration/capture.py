"""What is captured of the requests, from LOCALMODEL_CAPTURE."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localmodel_untrusted import json_path
from localmodel_untrusted.files import UnreadableError
from localmodel_untrusted.json_text import parse

_VARIABLE = "LOCALMODEL_CAPTURE"
_FOLDER = "LOCALMODEL_CAPTURE_FOLDER"


class CaptureError(ValueError):
    """LOCALMODEL_CAPTURE cannot be used; the text names what is wrong."""


@dataclass(frozen=True)
class CaptureSettings:
    """What is captured, and how much of it is kept.

    percent is the share of the requests. requests and bytes bound what is kept in the folder. redact are the paths of
    values that are never written, headers the names, in lower case, of those that are.
    """

    folder: Path
    percent: int
    requests: int = 1000
    bytes: int = 64 << 20
    answers: bool = True
    redact: tuple[str, ...] = ()
    headers: frozenset[str] = frozenset()

    @property
    def paths(self) -> tuple[json_path.Pattern, ...]:
        """The steps of each path in `redact`."""
        return tuple(map(json_path.parse_pattern, self.redact))


def read_capture(environment: Mapping[str, str]) -> CaptureSettings | None:
    """The settings, or None where nothing is captured.

    Raises:
        CaptureError
    """
    text = environment.get(_VARIABLE, "")
    if not text:
        return None
    try:
        wanted = parse(text.encode())
        settings = _settings(wanted, environment.get(_FOLDER, ""))
    except (UnreadableError, ValueError) as error:
        raise CaptureError(f"{_VARIABLE}: {error}") from None
    except (AttributeError, KeyError, TypeError):
        raise CaptureError(f"{_VARIABLE}: expected spec.capture as JSON, not {text[:100]!r}") from None
    return settings if settings.percent else None


def _settings(wanted: Any, folder: str) -> CaptureSettings:
    if not folder:
        raise ValueError(f"{_FOLDER} is not set")
    percent, keep = int(wanted["percent"]), wanted["keep"]
    if not 0 <= percent <= 100:
        raise ValueError(f"percent is {percent}, not 0 to 100")
    for path in wanted["redact"]:
        try:
            json_path.parse_pattern(path)
        except ValueError as error:
            raise ValueError(f"redact: {path}: {error}") from None
    return CaptureSettings(
        Path(folder),
        percent,
        max(1, int(keep["requests"])),
        max(1, int(keep["megabytes"])) << 20,
        bool(wanted["answers"]),
        tuple(wanted["redact"]),
        frozenset(name.lower() for name in wanted["headers"]),
    )
