"""Shows the current steps in one moving line on a terminal, and nothing elsewhere."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from rich.console import Console
from rich.text import Text

from localmodel.output.open_step import OpenStep
from localmodel.output.printable import one_line

_SHOWN_AFTER = 1  # seconds


def can_move(console: Console) -> bool:
    """Whether a line on standard error can be replaced."""
    if not sys.stderr.isatty() or not console.is_terminal or console.is_dumb_terminal:
        return False
    # A notebook gives `!lmd` a terminal, but its page shows all that was written. Its kernel sets both variables.
    return (os.environ.get("TERM"), os.environ.get("PAGER")) != ("xterm-color", "cat")


class Waiting:
    """The open steps, of which the innermost is shown."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._steps: list[OpenStep] = []
        self._moves = can_move(console)

    @contextmanager
    def of(self, title: str) -> Iterator[None]:
        """A block during which the step is shown."""
        shown = self._console.status(self) if self._moves and not self._steps else nullcontext()
        self._steps.append(OpenStep(title))
        try:
            with shown:
                yield
        finally:
            self._steps.pop()

    def now(self, text: str) -> None:
        """Show the state of the innermost step."""
        if self._steps:
            self._steps[-1].now = text

    def __rich__(self) -> Text:
        if not self._steps:
            return Text()
        step = self._steps[-1]
        seconds = f" {int(step.seconds)} s" if step.seconds >= _SHOWN_AFTER else ""
        line = f"{step.title}{seconds}{': ' if step.now else ''}{step.now}"
        return Text(one_line(line), no_wrap=True, overflow="ellipsis")
