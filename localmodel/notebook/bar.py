"""Work in a notebook: a bar while a step or a transfer goes on, and a line when it has ended."""

import contextvars
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, RLock, Thread

from localmodel.notebook import html
from localmodel.notebook.kernel import Area, is_notebook
from localmodel.output.open_step import OpenStep

_SECONDS_BETWEEN = 0.5
_SECONDS_UNTIL_SHOWN = 1.0


class NotebookProgress:
    """Implements `Progress` and `Live`: the lines of the steps that have ended, and a bar for the open one."""

    def __init__(self) -> None:
        self._area = Area()
        self._lines: list[str] = []
        self._open: list[OpenStep] = []
        self._lock = RLock()  # steps, and the thread that counts their seconds

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """Show the bar with the title, and then the result and how long it took."""
        outcome: list[str] = []
        step = OpenStep(title)
        with self._counting(step):
            try:
                yield outcome.append
            except BaseException:
                self._lines.append(f"✗ {title}: failed{_took(step)}")
                raise
            self._lines.append(f"✓ {title}: {''.join(outcome) or 'done'}{_took(step)}")

    def note(self, text: str) -> None:
        """Show a line."""
        self._lines.append(f"! {text}")
        self._show()

    def now(self, text: str) -> None:
        """Show the text behind the title of the innermost step, soon."""
        with self._lock:
            if self._open:
                self._open[-1].now = text

    @contextmanager
    def _counting(self, step: OpenStep) -> Iterator[None]:
        """A block during which the step is shown, if it is the innermost one."""
        is_first, ended = not self._open, Event()
        self._open.append(step)
        self._show()
        if is_first:
            # The context says which cell the output belongs to.
            count = contextvars.copy_context().run
            Thread(target=count, args=(self._count, ended), daemon=True).start()
        try:
            yield
        finally:
            with self._lock:
                ended.set()
                self._open.remove(step)
                self._show()

    def _count(self, ended: Event) -> None:
        while not ended.wait(_SECONDS_BETWEEN):
            with self._lock:
                if not ended.is_set():
                    self._show()

    def _show(self) -> None:
        with self._lock:
            _show(self._area, self._lines, _words(self._open[-1]) if self._open else "", None)


@contextmanager
def meter(title: str) -> Iterator[Callable[[int, int], None] | None]:
    """The function for the bytes done and in all, which shows them if it takes long; None if this is no notebook."""
    if not is_notebook():
        yield None
        return
    area, begun, shown = Area(), time.monotonic(), 0.0

    def report(done: int, total: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - begun >= _SECONDS_UNTIL_SHOWN and now - shown >= _SECONDS_BETWEEN:
            shown = now
            _show(area, [], f"{title}: {done / 1e6:.0f} of {total / 1e6:.0f} MB", done / max(total, 1))

    ending = "failed"
    try:
        yield report
        ending = "done"
    finally:
        if shown:
            _show(area, [f"{title}: {ending} ({time.monotonic() - begun:.1f} s)"], "", None)


def _show(area: Area, lines: Sequence[str], current: str, share: float | None) -> None:
    """Show the lines, and below them a bar with the words of what goes on, if something does."""
    bar = ""
    if current:
        value = "" if share is None else f' value="{share:.3f}"'
        bar = f'<div><progress{value} style="width:12em"></progress> {html.escaped(current)}</div>'
    plain = "\n".join([*lines, *([f"{current} …"] if current else [])])
    area.show(plain, "".join(map(html.text, lines)) + bar)


def _took(step: OpenStep) -> str:
    seconds = step.seconds
    return f" ({seconds:.1f} s)" if seconds >= 0.5 else ""


def _words(step: OpenStep) -> str:
    seconds = int(step.seconds)
    return f"{step.title}{f' {seconds} s' if seconds else ''}{f': {step.now}' if step.now else ''}"
