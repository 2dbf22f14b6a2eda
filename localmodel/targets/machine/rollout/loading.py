"""Waits until a server serves a revision or says why it does not."""

import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.reasons import Reason
from localmodel.targets import http
from localmodel.targets.machine.state import Slot
from localmodel.targets.ports import HOST
from localmodel_untrusted import json_text

_POLL_SECONDS = 0.02
# The engine is asked whether a container runs, which takes time.
_SECONDS_BETWEEN_LOOKS = 0.5
# The server's reasons that commands report unchanged.
_OWN_WORDS = (reasons.GATE_FAILED, reasons.REPLAY_FAILED, reasons.NO_ROOM)
# Reasons for which the server itself gave up.
FAILED = (reasons.REVISION_FAILED, *_OWN_WORDS)
LATE = reasons.PROGRESS_DEADLINE_EXCEEDED

# The last line of a traceback, or of the server's log in either form, but not a line about a request.
_ERROR = re.compile(
    r"localmodel_server: |[A-Za-z_.]*(Error|Exception)\b|Fatal |\S+ (ERROR|CRITICAL) (?!request )"
    r'|{"time":"[^"]*","level":"(ERROR|CRITICAL)","message":"(?!request )'
)


class LoadError(Exception):
    """The wanted revision does not serve. The text is one line for the user, `reason` that of a `UserError`.

    `traceback` is the script's traceback, or "".
    """

    def __init__(self, message: str, reason: Reason = reasons.REVISION_FAILED, traceback: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.traceback = traceback


class LoadTimeoutError(Exception):
    """The wanted revision did not serve in time."""


def wait(
    slot: Slot, number: int, ended: Callable[[], int | None], log: Path, timeout: float, look: Callable[[], None]
) -> None:
    """Wait at most `timeout` seconds until the slot's server reports that revision `number` serves.

    `ended` returns None while the server runs, then the signal that ended it, or 0. `look` is called regularly, and
    ends the wait if it raises.

    Raises:
        LoadError, LoadTimeoutError.
    """
    end = time.monotonic() + timeout
    next_look = time.monotonic()
    while time.monotonic() < end:
        status = slot.status()
        # A load of an interrupted command may still report; "" means that the server could not read the revision file.
        if status is not None and status.wanted in (str(number), ""):
            if status.error:
                own = (word for word in _OWN_WORDS if word == status.reason)
                reason = next(own, reasons.REVISION_FAILED)
                raise LoadError(status.error, reason, status.traceback or "")
            return
        look()
        if time.monotonic() >= next_look:
            if (by := ended()) is not None:
                raise LoadError(_how_it_ended(by, log))
            next_look = time.monotonic() + _SECONDS_BETWEEN_LOOKS
        time.sleep(_POLL_SECONDS)
    raise LoadTimeoutError


def ask(port: int) -> tuple[int | None, str]:
    """The number of the revision that answers on the port, or None and the reason."""
    try:
        answer = http.request(f"http://{HOST}:{port}/readyz", timeout=5)
    except UserError as error:
        return None, str(error)
    try:
        content = json_text.parse(answer.body)
        return (int(content["revision"]), "") if answer.status == 200 else (None, str(content["message"]))
    except (ValueError, LookupError, TypeError):
        return None, f"what answers on port {port} is not a scoring server of localmodel"


def metrics(port: int) -> str:
    """What the server on the port says at /metrics, or ""."""
    try:
        answer = http.request(f"http://{HOST}:{port}/metrics", timeout=5)
    except UserError:
        return ""
    return answer.body.decode(errors="replace") if answer.status == 200 else ""


def _how_it_ended(by: int, log: Path) -> str:
    if by:
        name = f" ({signal.Signals(by).name})" if by in set(signal.Signals) else ""
        return f"the server was ended by signal {by}{name}"
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    last = next((line for line in reversed(lines) if line.strip()), "")
    if _ERROR.match(last):
        return f"the server ended: {last}"
    return "the server ended without an error in its log: it may have been killed, for lack of memory for instance"
