"""A worker without its scoring server: the only code outside the server that reads and writes frames."""

import contextlib
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from localmodel import advice, data, reasons
from localmodel.errors import UserError
from localmodel.trial.prepare import Trial
from localmodel_untrusted import json_text
from localmodel_untrusted.files import UnreadableError

if TYPE_CHECKING:
    from localmodel_worker.frames import Frame

# The head of a POST with JSON, for a script that reads the request's headers.
_HEADERS = [["content-type", "application/json"]]
_KINDS = {"text": "text", "schema": "json", "http": "http"}
_SECONDS_TO_LEAVE = 2.0
_PIECE = 1 << 16


class WorkerDiedError(Exception):
    """The worker has ended; the text says with which signal or exit code."""


class ScriptLoadError(Exception):
    """The script does not load. The text is one line; `traceback` may be empty."""

    def __init__(self, message: str, traceback: str) -> None:
        super().__init__(message)
        self.traceback = traceback


@dataclass(frozen=True)
class Answer:
    """The answer that the server would send.

    `run_ms` is the time in run(), or None if it did not return; `error` is what run() failed with, which the body does
    not say: the place and the error in one line, or "".
    """

    status: int
    body: bytes
    run_ms: float | None
    headers: list[list[str]] | None
    error: str = ""


class TrialWorker:
    """A context with a worker that has the terminal's input, and prints to standard error."""

    def __init__(self, trial: Trial, unattended: bool = False) -> None:
        """Start the process.

        With `unattended`, Ctrl-C ends the caller's work, and what a request logs is printed for the first that logs it
        only.

        Raises:
            UserError: PythonMissing.
        """
        self._frames = _frames()
        self._buffer = self._frames.FrameBuffer()
        self._connection, theirs = socket.socketpair()
        command = [str(trial.python), str(data.path("scoring-image") / "localmodel_worker"), str(theirs.fileno())]
        with theirs:
            try:
                self._process = subprocess.Popen(
                    command, env=dict(trial.variables), pass_fds=[theirs.fileno()], stdout=sys.stderr.fileno()
                )
            except OSError as error:
                self._connection.close()
                raise UserError(reasons.PYTHON_MISSING, f"cannot run {trial.python}: {error.strerror}") from None
        self._known = trial.known
        self._started = time.monotonic()
        self._on_interrupt: Any = None if unattended else signal.getsignal(signal.SIGINT)
        if not unattended:
            # Ctrl-C reaches both processes, and belongs to the script or its debugger.
            signal.signal(signal.SIGINT, _leave_to_worker)
        self._kind = "text"
        self._logged: set[str] | None = set() if unattended else None

    def __enter__(self) -> "TrialWorker":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
        if self._on_interrupt is not None:
            signal.signal(signal.SIGINT, self._on_interrupt)

    def kill(self) -> None:
        """End the process at once; what waits for it raises `WorkerDiedError`."""
        self._process.kill()
        # Processes that the script has forked hold the other end open.
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        try:
            self._process.wait(_SECONDS_TO_LEAVE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def load(self) -> float:
        """Wait until the script is imported and init() has returned; return the seconds since the start.

        Raises:
            ScriptLoadError, WorkerDiedError.
        """
        hello = self._receive()
        if not hello.head["ok"]:
            raise ScriptLoadError(advice.more(hello.head["message"], self._known), hello.head["traceback"])
        self._kind = _KINDS[hello.head["contract"]["mode"]]
        return time.monotonic() - self._started

    def ask(self, request: int | str, body: bytes) -> Answer:
        """Have run() answer a request, of this number or id.

        Raises:
            WorkerDiedError: it died during the request, or because of it, when it was asked again.
        """
        head = {"kind": self._kind, "ids": [str(request)], "lengths": [len(body)], "headers": _HEADERS}
        try:
            self._frames.send_frame(self._connection, head, body)
        except OSError:
            raise WorkerDiedError(self._end()) from None
        frame = self._receive()
        self._show(frame)
        status, milliseconds, error, _, headers = frame.head["answers"][0]
        pieces = [bytes(frame.body)]
        while frame.head.get("more"):
            frame = self._receive()
            self._show(frame)
            pieces.append(bytes(frame.body))
        line = error.partition("\n")[0] if isinstance(error, str) else ""
        return Answer(status, b"".join(pieces), milliseconds, headers, line)

    def _receive(self) -> "Frame":
        while True:
            frame: Frame | None = self._buffer.pop()
            if frame is not None:
                return frame
            try:
                piece = self._connection.recv(_PIECE)
            except OSError:
                piece = b""
            if not piece:
                raise WorkerDiedError(self._end())
            self._buffer.feed(piece)

    def _show(self, frame: "Frame") -> None:
        """Print what the server would write to its log."""
        for request_id, text in frame.head.get("log", ()):
            if self._logged is not None:
                if text in self._logged:
                    continue
                self._logged.add(text)
            print(f"request {request_id}: {text}", file=sys.stderr)

    def _end(self) -> str:
        try:
            code = self._process.wait(_SECONDS_TO_LEAVE)
        except subprocess.TimeoutExpired:
            return "the worker process has closed its connection"
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"the worker process died ({how})"


def _frames() -> Any:
    # The worker's code is data of this package, because it runs in the user's interpreter.
    folder = str(data.path("scoring-image"))
    if folder not in sys.path:
        sys.path.append(folder)
    from localmodel_worker import frames

    return frames


def _leave_to_worker(number: int, frame: FrameType | None) -> None:
    """Do nothing. SIG_IGN would be inherited by processes that are started later."""


def parsed(body: bytes) -> object:
    """The body parsed as JSON, or as text if it is not JSON."""
    try:
        return json_text.parse_loosely(body)
    except UnreadableError:
        return body.decode(errors="replace")
