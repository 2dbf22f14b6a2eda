"""From the first attach until the user has had enough: revisions and pods come and go meanwhile."""

import time
import uuid
from collections.abc import Callable

from localmodel import reasons
from localmodel.debugger.debuggee import Debuggee, DebuggeeGoneError, DebuggerState, Wish
from localmodel.errors import UserError
from localmodel.progress import Progress

_POLL_SECONDS = 0.5
_SECONDS_TO_REACT = 10.0
_SECONDS_TO_END = 300.0


def debug(debuggee: Debuggee, wish: Wish, progress: Progress, on_ready: Callable[[int], None]) -> None:
    """Keep a debugger in the deployment's worker, in the one of each revision that is applied meanwhile.

    Ends by KeyboardInterrupt, or when the deployment is no more; on_ready is called with its port
    whenever the debugger can attach.

    Raises:
        UserError: the worker does not load with a debugger; the deployment serves as before.
    """
    identity = uuid.uuid4().hex
    debuggee.find()
    if (told := debuggee.state()) and told.id and told.state != "normal":
        _end(debuggee, progress)  # of a command that debugs it now, or that has been killed
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
    """Wait until the debugger can attach: to a worker that serves, or to one that waits for it."""
    with progress.step("worker with a debugger") as done:
        end = time.monotonic() + _SECONDS_TO_REACT
        while True:
            told = debuggee.state()
            if told is None or told.id != identity:
                if time.monotonic() > end:
                    raise UserError(
                        reasons.SERVER_OUTDATED, f"the server of {debuggee.name} is not responding; run lmd apply again"
                    )
            elif told.state == "debugging":
                return done(f"revision {told.revision}")
            elif told.state == "loading" and wish.wait:
                return done("waits for the debugger to attach")
            elif told.state == "failed":
                raise _failure(told)
            time.sleep(_POLL_SECONDS / 5)


def _watch(debuggee: Debuggee, identity: str, progress: Progress) -> bool:
    """Watch until the worker has lost its debugger to another revision; True when another command debugs it now."""
    while True:
        time.sleep(_POLL_SECONDS)
        told = debuggee.state()
        if told is None or told.id != identity:
            progress.note("another lmd debug has taken over")
            return True
        if told.state == "failed":
            raise _failure(told)
        if told.state == "normal":
            progress.note(f"revision {told.revision} serves now")
            return False


def _failure(told: DebuggerState) -> UserError:
    return UserError(reasons.DEBUGGER_FAILED, told.error or "the worker does not load with a debugger")


def _end(debuggee: Debuggee, progress: Progress) -> None:
    """Back to workers without a debugger."""
    with progress.step("worker without a debugger") as done:
        debuggee.end()
        end = time.monotonic() + _SECONDS_TO_END
        try:
            while time.monotonic() < end:
                told = debuggee.state()
                if told is None or (not told.id and told.state in ("normal", "failed")):
                    return done((told and told.error) or "serves")
                time.sleep(_POLL_SECONDS / 5)
        except DebuggeeGoneError:
            done("the server is gone")
