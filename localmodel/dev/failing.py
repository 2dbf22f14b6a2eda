"""Why an update has failed, as far as the target knows."""

import contextlib
from collections.abc import Sequence

from localmodel.dev.update import Failure
from localmodel.errors import UserError
from localmodel.targets.target import Target

_LINES_SEARCHED = 5000
# As targets put it, too.
_GOES_ON = "goes on serving"


def describe(error: UserError, target: Target, names: Sequence[str]) -> Failure:
    """The error with the script's traceback, if it has one, and what of the deployments `names` goes on serving."""
    message = str(error)
    traceback = next((text for name in names if (text := _traceback(target, name, message))), "")
    first, _, last = message.rpartition("\n")
    if first and _GOES_ON in last:  # what can be relied on stands last, below the traceback
        return Failure(first, traceback, last)
    return Failure(message, traceback, "\n".join(text for name in names if (text := goes_on(target, name))))


def goes_on(target: Target, name: str) -> str:
    """What serves, or ""."""
    with contextlib.suppress(UserError):
        found = target.get(name)
        if found.serving is not None:
            return f"revision {found.serving} {_GOES_ON} at {found.url}"
    return ""


def of_request(target: Target, name: str, request_id: str) -> str:
    """What run() has raised for the request, or "" when the log does not say."""
    from localmodel.sdk import tracebacks

    return tracebacks.of_request(_log(target, name), request_id)


def _traceback(target: Target, name: str, message: str) -> str:
    """The last one in the log, if it is what the message speaks of."""
    from localmodel.sdk import tracebacks  # only where something has gone wrong

    found = tracebacks.of_load(_log(target, name))
    kind = found.rpartition("\n")[2].partition(":")[0]
    return found if kind and kind.rpartition(".")[2] in message else ""


def _log(target: Target, name: str) -> str:
    with contextlib.suppress(UserError):
        return "".join(target.logs(name, False, _LINES_SEARCHED))
    return ""
