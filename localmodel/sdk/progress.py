"""Where the library says what is going on: in the log of `localmodel`, or printed where the caller wants to see it."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from localmodel.notebook.bar import NotebookProgress
from localmodel.notebook.kernel import is_notebook
from localmodel.output.printable import printable
from localmodel.output.progress import Progress

logger = logging.getLogger("localmodel")
logger.addHandler(logging.NullHandler())


def reporter(progress: bool | Progress | None) -> Progress:
    """True prints to standard output, False only logs (level INFO), None shows it where somebody looks."""
    if progress is None:
        if is_notebook():
            return NotebookProgress()
        progress = sys.stdout.isatty()
    if isinstance(progress, bool):
        return PrintedProgress() if progress else LoggedProgress()
    return progress


class LoggedProgress:
    """See target.Progress: records of the logger `localmodel`, which is silent unless the program configures it."""

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """One record when the step has ended well."""
        outcome: list[str] = []
        started = time.monotonic()
        yield outcome.append
        logger.info("%s: %s (%.1f s)", title, "".join(outcome) or "done", time.monotonic() - started)

    def note(self, text: str) -> None:
        logger.info("%s", text)


class PrintedProgress:
    """See target.Progress: plain lines, good for terminals, notebooks and files alike."""

    def __init__(self) -> None:
        self._open = False

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """The title at once, so that a long step can be seen, and behind it how it went and for how long."""
        outcome: list[str] = []
        started = time.monotonic()
        self._begin_line()
        self._write(f"{title}: ", ends=False)
        try:
            yield outcome.append
        except BaseException:
            self._write("failed" if self._open else f"{title}: failed")
            raise
        seconds = time.monotonic() - started
        took = f" ({seconds:.1f} s)" if seconds >= 0.5 else ""
        result = f"{''.join(outcome) or 'done'}{took}"
        self._write(result if self._open else f"{title}: {result}")

    def note(self, text: str) -> None:
        self._begin_line()
        self._write(text)

    def _begin_line(self) -> None:
        if self._open:
            self._write("…")

    def _write(self, text: str, ends: bool = True) -> None:
        sys.stdout.write(printable(f"{text}\n" if ends else text))
        sys.stdout.flush()
        self._open = not ends
