"""Describes why an update has failed."""

import contextlib
from collections.abc import Sequence

from localmodel.dev.update import Failure
from localmodel.errors import UserError
from localmodel.targets.target import Target

_LINES_SEARCHED = 5000
# The words of the targets' own messages.
_GOES_ON = "goes on serving"


def describe(error: UserError, target: Target, names: Sequence[str]) -> Failure:
    """The error, with the script's traceback if there is one, and which of the deployments `names` still serve."""
    message = str(error)
    traceback = next((text for name in names if (text := _traceback(target, name, message))), "")
    first, _, last = message.rpartition("\n")
    if first and _GOES_ON in last:  # the sentence on what still serves comes last, below the traceback
        return Failure(first, traceback, last)
    return Failure(message, traceback, "\n".join(text for name in names if (text := goes_on(target, name))))


def goes_on(target: Target, name: str) -> str:
    """A sentence on what still serves, or ""."""
    with contextlib.suppress(UserError):
        deployment = target.get(name)
        if deployment.serving is not None:
            return f"revision {deployment.serving} {_GOES_ON} at {deployment.url}"
    return ""


def of_request(target: Target, name: str, request_id: str) -> str:
    """The traceback of the request's run() from the log, or ""."""
    from localmodel.sdk import tracebacks

    return tracebacks.of_request(_log(target, name), request_id)


def _traceback(target: Target, name: str, message: str) -> str:
    """The last traceback of a load in the log, if the message is about it, else ""."""
    from localmodel.sdk import tracebacks  # here, because only a failure needs it

    traceback = tracebacks.of_load(_log(target, name))
    kind = traceback.rpartition("\n")[2].partition(":")[0]
    return traceback if kind and kind.rpartition(".")[2] in message else ""


def _log(target: Target, name: str) -> str:
    with contextlib.suppress(UserError):
        return "".join(target.logs(name, False, _LINES_SEARCHED))
    return ""
