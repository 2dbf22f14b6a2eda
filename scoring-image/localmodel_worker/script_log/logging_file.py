"""Configure logging from a user's logging.json, as `logging.config.dictConfig` reads it."""

from __future__ import annotations

import builtins
import functools
import json
import logging
import logging.config
import re
import sys
from pathlib import Path
from typing import Any, Optional

from localmodel_worker.aml import legacy_imports
from localmodel_worker.script.entry_script import LoadError

_SECTIONS = ("formatters", "filters", "handlers", "loggers")
_BAD_PART = re.compile(r"Unable to configure (formatter|filter|handler|logger) '(.*)'")
_BAD_ROOT = "Unable to configure root logger"


def configure_from(file: Path, name: str) -> None:
    """Apply the file, and let print() write log records when a handler would get them.

    Raises:
        LoadError: with the file's name, the key and what is wrong.
    """
    config = _read(file, name)
    legacy_imports.install()  # the file may name Azure ML's formatter
    try:
        logging.config.dictConfig(config)
    except Exception as error:  # handlers are the user's classes
        raise LoadError(f"{name}: {_explain(error)}") from error
    logger = logging.getLogger("azmlinfsrv.print")
    if logger.hasHandlers():
        _print_to(logger)


def _read(file: Path, name: str) -> dict[str, Any]:
    try:
        config = json.loads(file.read_bytes())
    except json.JSONDecodeError as error:
        raise LoadError(f"{name}: line {error.lineno} column {error.colno}: {error.msg}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise LoadError(f"{name}: cannot be read: {error}") from error
    _check_object(config, name)
    if config.get("version") != 1:
        raise LoadError(f'{name}: version: must be there and be 1, as in {{"version": 1, ...}}')
    _check_object(config.get("root", {}), f"{name}: root")
    for section in _SECTIONS:
        parts = config.get(section, {})
        _check_object(parts, f"{name}: {section}")
        for key, part in parts.items():
            _check_object(part, f"{name}: {section}.{key}")
            if section == "handlers" and not part.keys() & {"class", "()"}:
                raise LoadError(f'{name}: {section}.{key}: needs a "class", for example "logging.StreamHandler"')
    return config  # type: ignore[no-any-return]


def _check_object(value: Any, where: str) -> None:
    if not isinstance(value, dict):
        raise LoadError(f"{where}: must be a JSON object")


def _explain(error: BaseException) -> str:
    """The key and all reasons: logging says what was to blame in the cause of the cause of what it raises."""
    texts: list[str] = []
    cause: Optional[BaseException] = error
    while cause is not None:
        text = _reason(cause)
        if not texts or not texts[-1].endswith(text):  # some repeat the text of their cause
            texts.append(text)
        cause = cause.__cause__
    return " ".join(": ".join(texts).split())


def _reason(error: BaseException) -> str:
    text = str(error)
    bad_part = _BAD_PART.fullmatch(text)
    if bad_part:
        return f"{bad_part.group(1)}s.{bad_part.group(2)}"
    if text == _BAD_ROOT:
        return "root"
    return f"there is no {text}" if isinstance(error, KeyError) else text or type(error).__name__


def _print_to(logger: logging.Logger) -> None:
    plain_print = builtins.print

    @functools.wraps(plain_print)
    def print_record(*values: Any, sep: Optional[str] = None, file: Any = None, **options: Any) -> None:
        if file is None or file is sys.stdout:
            logger.info("%s", (" " if sep is None else sep).join(map(str, values)))
        else:
            plain_print(*values, sep=sep, file=file, **options)

    builtins.print = print_record
