"""A worker's life: load the script, say hello, answer requests until the server closes the socket."""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import select
import signal
import socket
import sys
import threading
import time
from io import TextIOWrapper
from typing import Any, Optional

from localmodel_worker.entry_script import EntryScript, LoadError, find_script
from localmodel_worker.errors import user_traceback
from localmodel_worker.frames import Frame, receive_frame, send_frame
from localmodel_worker.results import NotJson, encode_result

_SECONDS_TO_LEAVE = 1.0


def serve(descriptor: int) -> None:
    """Serve on an inherited socket until it is closed; exit code 1 when the script cannot serve."""
    connection = socket.socket(fileno=descriptor)
    connection.set_inheritable(False)
    _prepare_streams()
    _die_with_server()
    threading.Thread(target=_leave_with_server, args=(descriptor,), daemon=True).start()
    script = _load(connection)
    if script is None:
        sys.exit(1)
    while True:
        request = receive_frame(connection)
        if request is None:
            return
        head, body = _answer(script, request)
        send_frame(connection, head, body)
        if head["leaving"]:
            sys.exit(1)


def _prepare_streams() -> None:
    # In a pipe Python would hold back what a script prints until 8 KB have gathered.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    # A crash in C code then names the Python line in the log. There may be no stderr to name it on.
    with contextlib.suppress(RuntimeError, OSError, ValueError, AttributeError):
        faulthandler.enable()


def _die_with_server() -> None:
    """Have the kernel kill this process when the server is killed: C code that keeps the GIL stops our thread."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes

        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, int(signal.SIGKILL))


def _leave_with_server(descriptor: int) -> None:
    """End this process group soon after the server's end of the socket is closed, whatever run() does."""
    poller = select.poll()
    poller.register(descriptor, select.POLLHUP)
    poller.poll()
    time.sleep(_SECONDS_TO_LEAVE)
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)  # with the processes that user code started
    os._exit(1)


def _load(connection: socket.socket) -> Optional[EntryScript]:
    try:
        place = find_script(os.environ)
        sys.argv[:] = [str(place.script)]
        script = EntryScript(place)
        script.init()
    except LoadError as error:
        send_frame(connection, {"ok": False, "message": str(error), "traceback": error.traceback})
        return None
    send_frame(connection, {"ok": True})
    return script


def _answer(script: EntryScript, request: Frame) -> tuple[dict[str, Any], bytes]:
    try:
        raw_data = request.body.decode()
    except UnicodeDecodeError as error:
        return _failure(400, f"the request's body is not UTF-8 text: {error.reason} at byte {error.start}")
    started = time.perf_counter()
    try:
        result = script.run(raw_data)
        milliseconds = (time.perf_counter() - started) * 1000
        return _head(200, ms=milliseconds), encode_result(result)
    except NotJson as error:
        _log(request, str(error))
        return _failure(500, str(error))
    except BaseException as error:
        _log(request, "run() failed\n" + user_traceback(error))
        message = "run() failed; the log has the traceback under this x-request-id"
        return _failure(500, message, failed=True, leaving=not isinstance(error, Exception))


def _failure(status: int, message: str, **head: bool) -> tuple[dict[str, Any], bytes]:
    return _head(status, **head), json.dumps({"message": message}).encode()


def _head(status: int, ms: float = 0.0, failed: bool = False, leaving: bool = False) -> dict[str, Any]:
    return {"status": status, "ms": ms, "failed": failed, "leaving": leaving}


def _log(request: Frame, text: str) -> None:
    # A script that has closed or replaced stderr still gets its answers out.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"request {request.head.get('id', '')}: {text}\n")
