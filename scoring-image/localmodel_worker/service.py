"""A worker's life: load the script, say hello, answer requests until the server closes the socket."""

from __future__ import annotations

import contextlib
import faulthandler
import fcntl
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, Optional

from localmodel_worker import background, debugger
from localmodel_worker.answers import Answer, Answering
from localmodel_worker.forking.installed_modules import loaded_modules
from localmodel_worker.forking.template import fork_on_request
from localmodel_worker.frames import Frame, FrameReader, send_frame
from localmodel_worker.process_control import die_with_parent, mark_descendants
from localmodel_worker.script import model_tree
from localmodel_worker.script.entry_script import EntryScript, LoadError, enter, find_script
from localmodel_worker.script.errors import user_traceback
from localmodel_worker.script_log import user_logging
from localmodel_worker.strict import is_strict

if TYPE_CHECKING:
    from localmodel_worker.forking.forked import Forked

_SECONDS_TO_LEAVE = 1.0
_NO_REQUESTS = ("cancel", "background")  # a cancel is of an answer that had ended by itself
_OUT_OF_THE_WAY = 200  # a descriptor; macOS allows 256


def serve(descriptor: int, role: str = "") -> None:
    """Serve on an inherited socket until it is closed; exit code 1 when the script cannot serve.

    A `--template` and a `--warm` parent serve nothing themselves: they fork processes that do, the one after
    init(), the other before any user code.
    """
    connection = socket.socket(fileno=descriptor)
    connection.set_inheritable(False)
    _prepare_streams()
    _leave_no_core_file()
    die_with_parent()
    mark_descendants()
    forked = None
    if role == "--warm":
        at_start = frozenset(sys.modules)
        from localmodel_worker.forking.warm_parent import WarmParent

        forked = WarmParent(connection, at_start).run()
        connection = forked.connection
        forked.begin()
    template = role == "--template"
    if not template:  # no thread survives a fork
        _watch_server(connection)
    script = _load(connection, forked)
    if script is None:
        sys.exit(1)
    answering = Answering(script, is_strict(os.environ))
    if template:
        fork_on_request(connection, lambda forked: _serve_forked(forked, script, answering))
    else:
        Service(connection, answering).run()


def _serve_forked(connection: socket.socket, script: EntryScript, answering: Answering) -> None:
    mark_descendants()
    os.setsid()
    die_with_parent()
    _watch_server(connection)
    send_frame(connection, _hello(script, None))
    Service(connection, answering).run()


class Service:
    """Answers the frames on a socket until it is closed."""

    def __init__(self, connection: socket.socket, answering: Answering) -> None:
        self._connection = connection
        self._reader = FrameReader(connection)
        self._answering = answering
        self._pid = os.getpid()
        self._early: Optional[Frame] = None  # came while the answer before it was still being sent

    def run(self) -> None:
        """Answer until there is no more to answer; exit code 1 when user code has asked for the end."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the server wants no more answers
            self._answer_all()

    def _answer_all(self) -> None:
        while True:
            request, self._early = self._early or self._reader.receive(), None
            if request is None:
                return
            kind = request.head["kind"]
            if kind not in _NO_REQUESTS:
                self._serve(request)
            elif kind == "background":
                send_frame(self._connection, {"background": background.at_work()})
            del request  # it may be large, and the next one may be long in coming

    def _serve(self, request: Frame) -> None:
        user_logging.current_request_ids = tuple(request.head["ids"])
        answers = self._answering.answer(request)
        if os.getpid() != self._pid:
            os._exit(0)  # run() has forked, and its child has come back, too: one answer is enough
        self._send(answers)
        user_logging.current_request_ids = ()
        if any(answer.leaving for answer in answers):
            sys.exit(1)

    def _send(self, answers: list[Answer]) -> None:
        if len(answers) > 1:
            answers = [_whole(answer) for answer in answers]
        head: dict[str, Any] = {
            "answers": [
                [answer.status, answer.milliseconds, answer.error or answer.failed, len(answer.body), answer.headers]
                for answer in answers
            ]
        }
        if any(answer.leaving for answer in answers):
            head["leaving"] = True
        logged = [
            [request_id, answer.log]
            for request_id, answer in zip(user_logging.current_request_ids, answers)
            if answer.log
        ]
        if logged:
            # Not by this process: a script may have closed, redirected or replaced stderr.
            head["log"] = logged
        if self._answering.alone:
            head["alone"] = True
        first = answers[0]
        if first.rest is not None:
            head["more"] = True
        send_frame(self._connection, head, b"".join([answer.body for answer in answers]))
        if first.rest is not None:
            self._stream(first.rest)
        first.close()

    def _stream(self, rest: Iterator[bytes]) -> None:
        """Send the pieces of a body as the script makes them, until it ends or the client has gone."""
        try:
            for piece in rest:
                if self._is_cancelled():
                    break
                send_frame(self._connection, {"more": True}, piece)
        except Exception as error:
            logged = ["".join(user_logging.current_request_ids), f"the body broke off\n{user_traceback(error)}"]
            send_frame(self._connection, {"more": False, "broken": True, "log": [logged]})
        else:
            send_frame(self._connection, {"more": False})

    def _is_cancelled(self) -> bool:
        if self._early is not None or not select.select([self._connection], [], [], 0)[0]:
            return False
        self._early = self._reader.receive()
        return self._early is None or self._early.head["kind"] == "cancel"


def _whole(answer: Answer) -> Answer:
    if answer.rest is None:
        return answer
    body = b"".join(answer.rest)
    answer.close()
    return answer._replace(body=body, rest=None, close=lambda: None)


def _prepare_streams() -> None:
    # In a pipe Python would hold back what a script prints until 8 KB have gathered.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    # A crash in C code then names the Python line in the log. There may be no stderr to name it on.
    with contextlib.suppress(RuntimeError, OSError, ValueError, AttributeError):
        faulthandler.enable()
        # A copy, which a script does not close or redirect with its own, and whose number no file of it gets.
        faulthandler.enable(fcntl.fcntl(sys.stderr.fileno(), fcntl.F_DUPFD_CLOEXEC, _OUT_OF_THE_WAY))


def _leave_no_core_file() -> None:
    # Containers often allow cores of any size, and a worker that takes too long is ended with SIGABRT.
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _watch_server(connection: socket.socket) -> None:
    background.start_own_thread(_leave_with_server, connection.fileno())


def _leave_with_server(descriptor: int) -> None:
    """End this process group soon after the server's end of the socket is closed, whatever run() does."""
    poller = select.poll()
    poller.register(descriptor, select.POLLHUP)
    poller.poll()
    time.sleep(_SECONDS_TO_LEAVE)
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)  # with the processes that user code started
    os._exit(1)


def _load(connection: socket.socket, forked: Optional[Forked]) -> Optional[EntryScript]:
    try:
        with contextlib.nullcontext() if forked is None else forked.watch():
            script = _load_script(forked)
            hello = _hello(script, forked)
    except LoadError as error:
        if forked is not None:
            forked.check_error(error.traceback)
        send_frame(connection, {"ok": False, "message": str(error), "traceback": error.traceback})
        return None
    send_frame(connection, hello)
    return script


def _load_script(forked: Optional[Forked]) -> EntryScript:
    place = find_script(os.environ)
    sys.argv[:] = [str(place.script)]
    if forked is not None:
        forked.check_place(place)
    enter(place)
    if forked is None or not forked.has_logging:
        user_logging.set_up(os.environ, place)
    debugger.start(os.environ)
    script = EntryScript(place)
    _init(script)
    return script


def _init(script: EntryScript) -> None:
    try:
        script.init()
    except LoadError:
        # Most often it did not find its model.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stderr.write(model_tree.describe(os.environ.get("AZUREML_MODEL_DIR", "")) + "\n")
        raise


def _hello(script: EntryScript, forked: Optional[Forked]) -> dict[str, Any]:
    known = () if forked is None else forked.inherited
    hello: dict[str, Any] = {"ok": True, "contract": script.run_function.describe()}
    if debugger.is_wanted(os.environ):
        return hello  # nothing is forked from what a debugger has imported, and it makes reading it slow
    hello.update(loaded_modules(os.environ, known))
    if forked is not None:
        forked.check_loaded(hello["imported"])
        hello["harmless"] = forked.harmless
    return hello
