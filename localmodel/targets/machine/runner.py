"""The interface for what differs between a server as a process and a server in a container."""

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import Protocol

from localmodel.environments.locks.lock import Lock
from localmodel.output.progress import Progress
from localmodel.resource.spec import DeploymentSpec, EnvironmentSpec
from localmodel.targets.machine.state import ServerRecord, Slot, State


@dataclass(frozen=True)
class BuiltEnvironment:
    """A built environment: its `key`, its interpreter as the server sees it, and the variables to use it.

    A server that was started from another `program` has to be replaced.
    """

    key: str
    python: str
    variables: Mapping[str, str]
    program: str


class Runner(Protocol):
    """Starts and ends the servers of one target. Every method may raise `UserError`."""

    target: str  # the value of --target
    unit: str  # what a server is: a process, a container

    @property
    def folder(self) -> Path:
        """The folder that has a folder for each deployment."""

    def platform(self) -> str | None:
        """uv's name of the platform that servers run on; None means this machine."""

    def base(self, environment: EnvironmentSpec) -> str:
        """Digest of the base that environments are installed on."""

    def program(self, key: str, spec: DeploymentSpec) -> str:
        """The `program` of the environment with this key."""

    def limits(self, spec: DeploymentSpec) -> dict[str, str]:
        """Resource limits by field; changing one needs a new server."""

    def without_meaning(self, spec: DeploymentSpec) -> list[str]:
        """The fields of the manifest that have no effect here."""

    def at_work(self) -> AbstractContextManager[None]:
        """A block in which no environment is swept."""

    def key(self, spec: DeploymentSpec, lock: Lock) -> str:
        """The name of the environment and of its build log."""

    def build(self, spec: DeploymentSpec, lock: Lock, progress: Progress) -> BuiltEnvironment:
        """The environment, built if it does not exist."""

    def start(self, place: State, slot: Slot, port: int, spec: DeploymentSpec, environment: BuiltEnvironment) -> str:
        """Start a server on 127.0.0.1:port that outlives this command and reads the slot's files; return its id."""

    def is_running(self, place: State, server: str) -> bool: ...

    def ended_by(self, server: str) -> int:
        """The signal that ended the server; 0 if it ended by itself, or the signal is not known."""

    def find(self, place: State) -> ServerRecord | None:
        """A running server of the deployment that no file names, with an unknown `program`; or None."""

    def send(self, server: str, number: Signals) -> None:
        """Send the server a signal."""

    def debug_ports(self, server: str, wanted: int | None) -> tuple[tuple[str, int], int]:
        """The address where a worker listens for a debugger, and the port of this machine that leads to it."""

    def halt(self, place: State, server: str) -> None:
        """End the server after at most ten seconds for the requests in flight."""

    def resume(self, place: State, server: ServerRecord) -> str:
        """Start a halted server again; return its id."""

    def clear(self, place: State, keep: Collection[str] = ()) -> None:
        """End and remove every server of the deployment except those with the ids `keep`."""

    def sweep(self, gone: Collection[str]) -> None:
        """Note that the environments with these keys are unused from now on; remove those unused for long enough."""
