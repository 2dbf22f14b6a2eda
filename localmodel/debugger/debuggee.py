"""The interface of what is debugged: a deployment's server, on any target."""

import json
from dataclasses import dataclass
from typing import Protocol

from localmodel.disk import state_file
from localmodel_untrusted import json_text


@dataclass(frozen=True)
class Wish:
    """How the debugger connects: the IDE to `port` of this machine (None means any), or the worker to `connect`.

    With `wait` the script is imported only after the debugger has attached.
    """

    port: int | None
    connect: tuple[str, int] | None = None
    wait: bool = False

    def request(self, identity: str, path: str, listen: tuple[str, int]) -> str:
        """The content of the debug file: the folder with debugpy and the worker's address, as the server sees them."""
        where = {"connect": self.connect} if self.connect else {"listen": listen}
        return json.dumps({"id": identity, **where, "path": path, "wait": self.wait})


@dataclass(frozen=True)
class DebuggerState:
    """The server's last report. `state` is loading, debugging, normal or failed; `id` is that of the wish."""

    id: str
    state: str
    revision: str
    error: str | None


class DebuggeeGoneError(Exception):
    """The server with the debugger is gone."""


class Debuggee(Protocol):
    """A deployment to debug. Every method may raise `UserError`."""

    name: str
    code: str  # the folder of the script, as the worker sees it; set by find()
    entry: str

    def find(self) -> None:
        """Find the server; called again if it may be another one."""

    def begin(self, wish: Wish, identity: str) -> int:
        """Send debugpy to the server, and ask it for a worker with a debugger.

        Returns the port of this machine for the IDE, or 0 with `connect`.
        """

    def state(self) -> DebuggerState | None:
        """The server's report, or None before the first request.

        Raises:
            DebuggeeGoneError: the server is gone.
        """

    def end(self) -> None:
        """Ask the server for workers without a debugger, unless it is gone."""


def read_state(content: bytes | None, where: str) -> DebuggerState | None:
    """The report in the server's file, which the script can change, too.

    Raises:
        UserError: StateDamaged.
    """
    if not content:
        return None
    try:
        return state_file.typed(json_text.parse(content), DebuggerState)
    except Exception as error:
        raise state_file.damaged(where, state_file.why(error), "remove it, and debug again") from None
