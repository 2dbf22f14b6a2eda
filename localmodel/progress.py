"""Telling the user what goes on while something takes its time."""

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
    """A Progress of whoever may want something else meanwhile."""

    def check(self) -> None:
        """Called while something is waited for; what it raises ends that, and the deployment is as it was before."""


def check(progress: Progress) -> None:
    """Let whoever looks on give up what is under way."""
    if isinstance(progress, Revocable):
        progress.check()
