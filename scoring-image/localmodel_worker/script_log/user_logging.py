"""Logging as a script finds it: one handler that writes to stderr, or what the user's logging.json says."""

from __future__ import annotations

import functools
import json
import logging
import os
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional

from localmodel_worker.script.entry_script import LoadError

if TYPE_CHECKING:
    from pathlib import Path

    from localmodel_worker.script.entry_script import Place

# Of the requests that run() serves right now. No context variable: threads that run() starts would not see it.
current_request_ids: tuple[str, ...] = ()

_LEVEL = "AZUREML_LOG_LEVEL"
_FORMAT = "LOCALMODEL_LOG_FORMAT"
_basic_config = logging.basicConfig
_ours: Optional[logging.Handler] = None


def set_up(environment: Mapping[str, str], place: Place) -> None:
    """Configure logging; call it once, when the user's modules can be imported and before the script is.

    A logging.json in the code folder, or else beside the script, replaces everything else; print() then writes INFO
    records of the logger `azmlinfsrv.print`. Without it records from the level AZUREML_LOG_LEVEL on (default INFO) go
    to stderr, as lines or, with LOCALMODEL_LOG_FORMAT=json, as JSON objects.

    Raises:
        LoadError: that names the variable, or the file and the key, that cannot be used.
    """
    level = _level(environment.get(_LEVEL) or "INFO")
    formatter = _formatter(environment.get(_FORMAT) or "text")
    file = config_file(place)
    if file is not None:
        from localmodel_worker.script_log.logging_file import configure_from

        configure_from(file, os.path.relpath(file, place.code_folder))
        return
    global _ours
    _ours = logging.StreamHandler(sys.stderr)
    _ours.setFormatter(formatter)
    root = logging.getLogger()
    root.setLevel(level)
    root.addHandler(_ours)
    logging.basicConfig = _replacing_basic_config


def take_back(environment: Mapping[str, str]) -> bool:
    """Undo set_up(); False, and as it is, where what has been imported since has changed logging."""
    root = logging.getLogger()
    has_changed = root.handlers != [_ours] or root.level != _level(environment.get(_LEVEL) or "INFO") or _is_adapted()
    if has_changed or logging.basicConfig is not _replacing_basic_config:
        return False
    root.removeHandler(root.handlers[0])
    root.setLevel(logging.WARNING)
    logging.basicConfig = _basic_config
    return True


def _is_adapted() -> bool:
    """Whether our handler itself is another than it was."""
    return _ours is not None and bool(
        type(_ours.formatter) not in (LineFormatter, JsonFormatter)
        or _ours.filters
        or _ours.level
        or getattr(_ours, "stream", None) is not sys.stderr
    )


def config_file(place: Place) -> Optional[Path]:
    """The user's logging.json."""
    files = (folder / "logging.json" for folder in (place.code_folder, place.script.parent))
    return next((file for file in files if file.is_file()), None)


class LineFormatter(logging.Formatter):
    """`2026-01-31T12:00:00.000Z I [17] score - request 4fd1: message`."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line, without a traceback."""
        request = f"request {','.join(current_request_ids)}: " if current_request_ids else ""
        origin = f"{record.levelname[:1]} [{record.process}] {record.name}"
        return f"{_utc(record.created)} {origin} - {request}{record.message}"


class JsonFormatter(logging.Formatter):
    """One JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record's time, level, process, logger and message; request_id and exception when there are any."""
        line: dict[str, Any] = {
            "time": _utc(record.created),
            "level": record.levelname,
            "process": record.process,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if current_request_ids:
            line["request_id"] = ",".join(current_request_ids)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        return json.dumps(line)


def _level(name: str) -> int:
    level = logging.getLevelName(name.strip().upper())
    if not isinstance(level, int):
        raise LoadError(f"{_LEVEL}: {name!r} is not a level; use DEBUG, INFO, WARNING, ERROR or CRITICAL")
    return level


def _formatter(name: str) -> logging.Formatter:
    formatters = {"text": LineFormatter, "json": JsonFormatter}
    formatter = formatters.get(name.strip().lower())
    if formatter is None:
        raise LoadError(f"{_FORMAT}: {name!r} is not a format; use text or json")
    return formatter()


def _utc(seconds: float) -> str:
    milliseconds = int(seconds * 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(milliseconds // 1000)) + f".{milliseconds % 1000:03}Z"


@functools.wraps(_basic_config)
def _replacing_basic_config(**settings: Any) -> None:
    """Do what a script's call of logging.basicConfig() says, which would do nothing where there is a handler."""
    root = logging.getLogger()
    if root.handlers == [_ours]:
        if settings.keys() - {"level"}:
            root.removeHandler(root.handlers[0])
        elif settings.get("level") is not None:
            root.setLevel(settings["level"])
    _basic_config(**settings)
