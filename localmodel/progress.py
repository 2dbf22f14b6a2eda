"""Reports progress to the user."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable


class Progress(Protocol):
    """Shows the user what is going on. A class of your own needs these two methods."""

    def step(self, title: str) -> AbstractContextManager[Callable[[str], None]]:
        """Enclose a step. The context manager's value is called with a few words about how it went."""

    def note(self, text: str) -> None:
        """Show something that the user should know."""


@runtime_checkable
class Revocable(Protocol):
    """A `Progress` whose owner may cancel the work."""

    def check(self) -> None:
        """Called regularly during a wait. If it raises, the wait ends, and the deployment stays as it was."""


def check(progress: Progress) -> None:
    """Let the owner of the progress cancel the work."""
    if isinstance(progress, Revocable):
        progress.check()
