"""Starts a debugger before the script is imported: debugpy, which speaks the Debug Adapter Protocol.

LOCALMODEL_DEBUG is a JSON object: `listen` or `connect` ([host, port]), `path` (the folder that has debugpy,
if the environment has none), `wait` (whether to go on only when a debugger has attached). AZUREML_DEBUG_PORT
is Azure ML's way: connect to that port of this machine, with the environment's own debugpy.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple, Optional

from localmodel_worker.script.entry_script import LoadError

_SECONDS_FOR_PORT = 5.0


class DebuggerAddress(NamedTuple):
    """Where the debugger and this process connect; `variable` is the variable that says so."""

    variable: str
    connect: bool
    host: str
    port: int
    path: str = ""
    wait: bool = False


def is_wanted(environment: Mapping[str, str]) -> bool:
    """Whether the environment asks for one."""
    return bool(environment.get("LOCALMODEL_DEBUG") or environment.get("AZUREML_DEBUG_PORT"))


def start(environment: Mapping[str, str]) -> None:
    """Listen for, or connect to, a debugger if the environment asks for one.

    Raises:
        LoadError
    """
    wanted = _read(environment)
    if wanted is None:
        return
    debugpy = _import_debugpy(wanted)
    debugpy.configure({"subProcess": False})
    address = f"{wanted.host}:{wanted.port}"
    try:
        if wanted.connect:
            debugpy.connect((wanted.host, wanted.port))
        else:
            _wait_until_free(wanted.host, wanted.port)
            debugpy.listen((wanted.host, wanted.port))
    except BaseException as error:  # it ends the process with SystemExit in some versions
        nobody = f"no debugger listens on {address}" if wanted.connect else f"cannot listen on {address}"
        raise LoadError(f"{wanted.variable}: {nobody}: {_reason(error)}") from error
    print(f"debugger {'connected to' if wanted.connect else 'listens on'} {address}", flush=True)
    if wanted.wait:
        debugpy.wait_for_client()


def _read(environment: Mapping[str, str]) -> Optional[DebuggerAddress]:
    text, port = environment.get("LOCALMODEL_DEBUG"), environment.get("AZUREML_DEBUG_PORT")
    if text:
        try:
            content = json.loads(text)
            host, number = content.get("listen") or content["connect"]
            return DebuggerAddress(
                "LOCALMODEL_DEBUG",
                "listen" not in content,
                str(host),
                int(number),
                str(content.get("path") or ""),
                bool(content.get("wait")),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            example = '{"listen": ["127.0.0.1", 5678]}'
            raise LoadError(f"LOCALMODEL_DEBUG: {text!r} is not a JSON object like {example}") from None
    if port:
        if not port.isdecimal():
            raise LoadError(f"AZUREML_DEBUG_PORT: {port!r} is not a port")
        return DebuggerAddress("AZUREML_DEBUG_PORT", True, "localhost", int(port))
    return None


def _import_debugpy(wanted: DebuggerAddress) -> Any:
    # Python's own modules are frozen, so there is no file of theirs to step into; debugpy would warn of it at length.
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    if wanted.path:
        sys.path.append(wanted.path)
    try:
        return import_module("debugpy")
    except ImportError as error:
        raise LoadError(f"{wanted.variable}: {error}; add debugpy to the environment's requirements") from error
    finally:
        if wanted.path:
            sys.path.remove(wanted.path)


def _wait_until_free(host: str, port: int) -> None:
    """Give the worker before this one, which may be ending with the same port, a moment."""
    end = time.monotonic() + _SECONDS_FOR_PORT
    while time.monotonic() < end:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
                return
            except OSError:
                time.sleep(0.1)


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
