"""A Python that has imported everything the command `lmd` needs, and forks for each command.

Starting lmd takes half a second of the processor, and there are hundreds of starts in the tests. What runs here is
nevertheless a process of its own, with its own output, working folder, variables and exit code.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

LMD = str(Path(sys.executable).with_name("lmd"))
# What an interpreter reads when it starts cannot be given to one that runs already.
_READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_")
_AT_START = dict(os.environ)


def can_run(environment: Mapping[str, str]) -> bool:
    """Whether a command with these variables is the same as one that is started anew."""
    changed = {name for name in {*environment, *_AT_START} if environment.get(name) != _AT_START.get(name)}
    return not any(name.startswith(_READ_AT_START) for name in changed)


def run(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path, stdin: str, timeout: float
) -> subprocess.CompletedProcess[str]:
    """As subprocess.run() of `lmd` with captured output."""
    with socket.socket(socket.AF_UNIX) as connection, contextlib.ExitStack() as files:
        given, out, err = (files.enter_context(tempfile.TemporaryFile()) for _ in range(3))
        given.write(stdin.encode())
        given.seek(0)
        connection.settimeout(timeout)
        connection.connect(_server())
        question = {"arguments": list(arguments), "environment": dict(environment), "folder": str(folder)}
        socket.send_fds(connection, [b"."], [given.fileno(), out.fileno(), err.fileno()])
        connection.sendall(json.dumps(question).encode())
        connection.shutdown(socket.SHUT_WR)
        code = int(connection.makefile().read())
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
    return subprocess.CompletedProcess([LMD, *arguments], code, *texts)


@functools.cache
def _server() -> str:
    """The socket of this process's own server, which ends with it."""
    folder = tempfile.TemporaryDirectory(prefix="lmd-")
    path = str(Path(folder.name) / "socket")
    process = subprocess.Popen(
        [sys.executable, "-P", __file__, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/"
    )
    assert process.stdin and process.stdout
    assert process.stdout.readline() == b"ready\n"

    def end() -> None:
        process.stdin.close()
        process.wait()
        process.stdout.close()
        folder.cleanup()

    atexit.register(end)
    return path


def _serve(path: str) -> int:
    """Fork for each command, until whoever started this is gone. Returns, in a fork, the command's exit code."""
    _import_everything()
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        os.write(1, b"ready\n")
        while listener in select.select([listener, 0], [], [])[0]:
            connection, _ = listener.accept()
            with connection:
                if os.fork() == 0:
                    listener.close()
                    return _answer(connection)
    return 0


def _answer(connection: socket.socket) -> int:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    question = json.loads(connection.makefile().read())
    if child := os.fork():
        connection.sendall(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())
        os._exit(0)
    connection.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(question["environment"])
    os.chdir(question["folder"])
    sys.argv = [LMD, *question["arguments"]]
    from localmodel.cli import main

    return main()


def _import_everything() -> None:
    import localmodel

    for module in pkgutil.walk_packages(localmodel.__path__, "localmodel."):
        importlib.import_module(module.name)
    importlib.import_module("jsonschema")


if __name__ == "__main__":
    sys.exit(_serve(sys.argv[1]))
