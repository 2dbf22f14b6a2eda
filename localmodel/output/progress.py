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


@runtime_checkable
class Live(Protocol):
    """A Progress that shows, beside the open step, what it is at."""

    def now(self, text: str) -> None:
        """Show the text in place of the last one; it goes with the step."""


def now(progress: Progress, text: str) -> None:
    """Show what the open step is at, where somebody looks."""
    if isinstance(progress, Live):
        progress.now(text)


def check(progress: Progress) -> None:
    """Let the owner of the progress cancel the work."""
    if isinstance(progress, Revocable):
        progress.check()
