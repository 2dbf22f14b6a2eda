"""The decoding process: it takes one piece of work after the other from a socket, and is killed if it grows too large.

Both directions have messages of two parts, `<u64 length> <u64 length> <pickle> <body>`. To the process the pickle
is `(function, arguments)` and the function is called with the body before its arguments; back it is `(what became
of it, the rest)`.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import signal
import socket
import struct
import traceback
from pathlib import Path
from typing import Any

from localmodel_server.decoding import work
from localmodel_server.errors import BadRequestError
from localmodel_worker.process_control import die_with_parent

LENGTHS = struct.Struct("<QQ")
DONE, REFUSED, NO_MEMORY, FAILED = range(4)


def serve(descriptor: int) -> None:
    """Work until the socket is closed."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C at the terminal is for the server
    os.nice(5)  # who waits for health, or for a small request, comes first
    with contextlib.suppress(OSError):  # and where memory runs out, this process is the one to lose
        Path("/proc/self/oom_score_adj").write_text("1000")
    gc.disable()  # millions of values are made at once, and go at once
    connection = socket.socket(fileno=descriptor)
    with connection.makefile("rb") as stream:
        while prefix := stream.read(LENGTHS.size):
            head_length, body_length = LENGTHS.unpack(prefix)
            function, arguments = pickle.loads(stream.read(head_length))  # noqa: S301 - from our own server
            result, made = _do(function, stream.read(body_length), arguments)
            head = pickle.dumps(result, pickle.HIGHEST_PROTOCOL)
            connection.sendall(LENGTHS.pack(len(head), len(made)) + head)
            connection.sendall(made)
            del made, result


def _do(function: Any, body: bytes, arguments: tuple[Any, ...]) -> tuple[tuple[int, Any], bytes]:
    try:
        rest, made = function(body, *arguments)
        return (DONE, rest), made
    except BadRequestError as error:
        return (REFUSED, (error.status, str(error))), b""
    except (MemoryError, work.TooMuchMemoryError):
        return (NO_MEMORY, None), b""
    except Exception:
        return (FAILED, traceback.format_exc()), b""
