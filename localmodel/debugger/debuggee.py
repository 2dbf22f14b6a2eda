"""What a debugger is let into: the server of a deployment, wherever it runs."""

import json
from dataclasses import dataclass
from typing import Protocol

from localmodel.disk import state_file
from localmodel_untrusted import json_text


@dataclass(frozen=True)
class Wish:
    """`port` of this machine where the IDE is to find the worker; or `connect`, where the worker finds the IDE.

    Port None: any. With `wait` the script is imported only when the debugger has attached.
    """

    port: int | None
    connect: tuple[str, int] | None = None
    wait: bool = False

    def request(self, identity: str, path: str, listen: tuple[str, int]) -> str:
        """The debug file's content: the folder with debugpy, and the worker's address, as the server sees them."""
        where = {"connect": self.connect} if self.connect else {"listen": listen}
        return json.dumps({"id": identity, **where, "path": path, "wait": self.wait})


@dataclass(frozen=True)
class DebuggerState:
    """What the server last told: `state` is loading, debugging, normal or failed; `id` says whose wish it follows."""

    id: str
    state: str
    revision: str
    error: str | None


class DebuggeeGoneError(Exception):
    """The server that had the debugger is there no more."""


class Debuggee(Protocol):
    """Raises (every method): UserError."""

    name: str
    code: str  # the folder of the script, as the worker sees it; known once find() has been called
    entry: str

    def find(self) -> None:
        """Find the server; again, when it may be another one."""

    def begin(self, wish: Wish, identity: str) -> int:
        """Bring debugpy to the server, and ask it for a worker with a debugger.

        Returns the port of this machine where the IDE will find it, 0 with `connect`.
        """

    def state(self) -> DebuggerState | None:
        """What the server tells, None when nobody has asked it yet.

        Raises:
            DebuggeeGoneError.
        """

    def end(self) -> None:
        """Ask the server for workers without a debugger; nothing when it is gone."""


def read_state(content: bytes | None, where: str) -> DebuggerState | None:
    """What the server's file holds; the script can write there, too.

    Raises:
        UserError: StateDamaged.
    """
    if not content:
        return None
    try:
        return state_file.typed(json_text.parse(content), DebuggerState)
    except Exception as error:
        raise state_file.damaged(where, state_file.why(error), "remove it, and debug again") from None
