"""What every target can do, and what it tells."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Progress(Protocol):
    """Tells the user what is going on."""

    def step(self, title: str) -> AbstractContextManager[Callable[[str], None]]:
        """A step that may take a while; call the value with how it went."""

    def note(self, text: str) -> None:
        """Something the user should know."""


@dataclass(frozen=True)
class Deployment:
    """One deployment as it is now.

    `ready`: what the last apply asked for is serving. `serving` is the number of the revision that answers at
    `url` (the scoring address), None when none does. `message` says what is wrong when it is not ready.
    """

    name: str
    ready: bool
    serving: int | None
    url: str
    message: str


class Target(Protocol):
    """Raises (every method): UserError."""

    def apply(self, path: Path, timeout: float | None, progress: Progress) -> list[Deployment]:
        """Make what the manifest file or the kustomization folder asks for serve, and wait until it does.

        `timeout` in seconds; None: the manifest's progress deadline.
        """

    def deployments(self) -> list[Deployment]:
        """Every deployment of this target."""

    def get(self, name: str) -> Deployment:
        """The deployment of this name."""

    def logs(self, name: str, follow: bool) -> None:
        """Write the deployment's log to standard output, and with `follow` go on as it grows."""

    def delete(self, name: str) -> None:
        """Stop the deployment and forget it."""
