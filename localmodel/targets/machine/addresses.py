"""The port of a deployment on this machine, among those of the others."""

import contextlib
from collections.abc import Callable, Iterator

from localmodel.errors import UserError
from localmodel.targets import ports
from localmodel.targets.machine import state
from localmodel.targets.machine.runner import Runner
from localmodel.targets.machine.state import ServerRecord, State


def choose(runner: Runner, place: State, wanted: int | None, note: Callable[[str], None]) -> int:
    """The port that is asked for by its number; or else the one that it had, or a free one.

    Raises:
        UserError: PortTaken, NoPortFree.
    """
    if wanted is not None:
        require(runner, wanted)
        return wanted
    last = place.main.server()
    others = {record.port for other, record in _servers(runner) if other.name != place.name}
    return ports.allocate(last.port if last else None, others, lambda port: _holder(runner, port), note)


def require(runner: Runner, port: int) -> None:
    """
    Raises:
        UserError: PortTaken.
    """
    ports.require(port, lambda port: _holder(runner, port))


def _holder(runner: Runner, port: int) -> str:
    for place, record in _servers(runner):
        with contextlib.suppress(UserError):
            if record.port == port and runner.is_running(place, record.id):
                return f"the deployment {place.name!r} ({runner.unit} {record.id[:12]})"
    return ports.holder(port)


def _servers(runner: Runner) -> Iterator[tuple[State, ServerRecord]]:
    """Every deployment of the target with the server that it has, or had last."""
    for name in state.names(runner.folder):
        place = State(runner.folder, name)
        with contextlib.suppress(UserError):  # another deployment's trouble is not this one's
            if record := place.main.server():
                yield place, record
