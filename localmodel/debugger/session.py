"""A debugging session, from the first attach to Ctrl-C, while revisions and pods may change."""

import time
import uuid
from collections.abc import Callable

from localmodel import reasons
from localmodel.debugger.debuggee import Debuggee, DebuggeeGoneError, DebuggerState, Wish
from localmodel.errors import UserError
from localmodel.output.progress import Progress

_POLL_SECONDS = 0.5
_SECONDS_TO_REACT = 10.0
_SECONDS_TO_END = 300.0


def debug(debuggee: Debuggee, wish: Wish, progress: Progress, on_ready: Callable[[int], None]) -> None:
    """Keep a debugger in the deployment's worker, also in the workers of revisions that are applied meanwhile.

    It ends with KeyboardInterrupt, or when the deployment is deleted. `on_ready` gets the port whenever the debugger
    can attach.

    Raises:
        UserError: the worker does not load with a debugger; the deployment serves as before.
    """
    identity = uuid.uuid4().hex
    debuggee.find()
    if (report := debuggee.state()) and report.id and report.state != "normal":
        _end(debuggee, progress)  # the session of a running or killed command
    taken_over = False
    try:
        while not taken_over:
            port = debuggee.begin(wish, identity)
            _wait(debuggee, wish, identity, progress)
            on_ready(port)
            taken_over = _watch(debuggee, identity, progress)
            debuggee.find()
    except DebuggeeGoneError:
        raise UserError(
            reasons.GONE, f"the server of {debuggee.name} is gone; lmd status {debuggee.name} says why"
        ) from None
    finally:
        if not taken_over:
            _end(debuggee, progress)


def _wait(debuggee: Debuggee, wish: Wish, identity: str, progress: Progress) -> None:
    """Wait until the debugger can attach, to a worker that serves or to one that waits for it."""
    with progress.step("worker with a debugger") as done:
        end = time.monotonic() + _SECONDS_TO_REACT
        while True:
            report = debuggee.state()
            if report is None or report.id != identity:
                if time.monotonic() > end:
                    raise UserError(
                        reasons.SERVER_OUTDATED, f"the server of {debuggee.name} is not responding; run lmd apply again"
                    )
            elif report.state == "debugging":
                return done(f"revision {report.revision}")
            elif report.state == "loading" and wish.wait:
                return done("waits for the debugger to attach")
            elif report.state == "failed":
                raise _failure(report)
            time.sleep(_POLL_SECONDS / 5)


def _watch(debuggee: Debuggee, identity: str, progress: Progress) -> bool:
    """Watch until another revision has replaced the worker; return True if another command debugs it now."""
    while True:
        time.sleep(_POLL_SECONDS)
        report = debuggee.state()
        if report is None or report.id != identity:
            progress.note("another lmd debug has taken over")
            return True
        if report.state == "failed":
            raise _failure(report)
        if report.state == "normal":
            progress.note(f"revision {report.revision} serves now")
            return False


def _failure(report: DebuggerState) -> UserError:
    return UserError(reasons.DEBUGGER_FAILED, report.error or "the worker does not load with a debugger")


def _end(debuggee: Debuggee, progress: Progress) -> None:
    """Return to workers without a debugger."""
    with progress.step("worker without a debugger") as done:
        debuggee.end()
        end = time.monotonic() + _SECONDS_TO_END
        try:
            while time.monotonic() < end:
                report = debuggee.state()
                if report is None or (not report.id and report.state in ("normal", "failed")):
                    return done((report and report.error) or "serves")
                time.sleep(_POLL_SECONDS / 5)
        except DebuggeeGoneError:
            done("the server is gone")
