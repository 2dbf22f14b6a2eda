"""Prints lines on standard output; on a terminal with colours and the current step."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.status import Status
from rich.text import Text

from localmodel.dev.update import Line, Tone
from localmodel.output.printable import one_line, printable

_STYLES: dict[Tone, str] = {
    "good": "green",
    "bad": "red",
    "note": "yellow",
    "gone": "red",
    "new": "green",
    "dim": "dim",
}


class Terminal:
    """Implements `session.Screen`."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, markup=False)
        self._status: Status | None = None

    def busy(self, title: str | None) -> None:
        if self._status is not None and title is not None:
            self._status.update(one_line(title))
        elif self._status is not None:
            self._status.stop()
            self._status = None
        elif title is not None and sys.stdout.isatty() and self._console.is_terminal:
            self._status = self._console.status(one_line(title))
            self._status.start()

    def say(self, lines: Sequence[Line]) -> None:
        for line in lines:
            self._console.print(Text(printable(line.text), _STYLES.get(line.tone, "")), soft_wrap=True)
