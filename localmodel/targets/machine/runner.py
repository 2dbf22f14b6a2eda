"""What differs between a server that is a process of this machine and one in a container."""

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import Protocol

from localmodel.environments.locks.lock import Lock
from localmodel.progress import Progress
from localmodel.resource.spec import DeploymentSpec, EnvironmentSpec
from localmodel.targets.machine.state import ServerRecord, Slot, State


@dataclass(frozen=True)
class BuiltEnvironment:
    """Where a script runs, built: `python` is its interpreter as the server sees it, `variables` lead there.

    `key` names it. A server that was started from another `program` has to be replaced.
    """

    key: str
    python: str
    variables: Mapping[str, str]
    program: str


class Runner(Protocol):
    """Raises (every method): UserError."""

    target: str  # as --target has it
    unit: str  # what a server is: a process, a container

    @property
    def folder(self) -> Path:
        """The folder with a folder for each deployment."""

    def platform(self) -> str | None:
        """uv's name of the platform that servers run on; None means this machine's own."""

    def base(self, environment: EnvironmentSpec) -> str:
        """Digest of what environments are put on."""

    def program(self, key: str, spec: DeploymentSpec) -> str:
        """`program` of the environment with this key."""

    def limits(self, spec: DeploymentSpec) -> dict[str, str]:
        """What a server is allowed, by the field: only another server has another."""

    def without_meaning(self, spec: DeploymentSpec) -> list[str]:
        """The fields that the manifest sets in vain."""

    def at_work(self) -> AbstractContextManager[None]:
        """While environments are looked up and used, nobody sweeps them away."""

    def key(self, spec: DeploymentSpec, lock: Lock) -> str:
        """Name of the environment, and of its build log."""

    def build(self, spec: DeploymentSpec, lock: Lock, progress: Progress) -> BuiltEnvironment:
        """The environment, built unless it is there."""

    def start(self, place: State, slot: Slot, port: int, spec: DeploymentSpec, environment: BuiltEnvironment) -> str:
        """Start a server that outlives this command, and reads the slot's files; returns its id.

        The address is 127.0.0.1:port.
        """

    def is_running(self, place: State, server: str) -> bool: ...

    def ended_by(self, server: str) -> int:
        """The signal that has ended the server; 0 where that is not known, or it ended by itself."""

    def find(self, place: State) -> ServerRecord | None:
        """A server of the deployment that runs though no file names it. What it was started from is not known."""

    def send(self, server: str, number: Signals) -> None:
        """Send the server a signal."""

    def debug_ports(self, server: str, wanted: int | None) -> tuple[tuple[str, int], int]:
        """Where a worker listens for a debugger, and the port of this machine that leads there."""

    def halt(self, place: State, server: str) -> None:
        """End the server; requests in flight are answered, if that takes no more than ten seconds."""

    def resume(self, place: State, server: ServerRecord) -> str:
        """Start one that was halted again; returns its id."""

    def clear(self, place: State, keep: Collection[str] = ()) -> None:
        """End, and remove, every server of the deployment but those with the ids `keep`."""

    def sweep(self, gone: Collection[str]) -> None:
        """The environments with these keys are used no more: from now on they, as others, rest for a while, and go."""
