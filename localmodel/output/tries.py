"""Shows work that is begun again once, and not from its first line each time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from localmodel.output import progress as progress_
from localmodel.output.progress import Progress


class Tries:
    """A `Progress` of work that is tried several times: what was shown of one try is not shown again of the next."""

    def __init__(self, inner: Progress) -> None:
        self._inner = inner
        self._steps: dict[str, str] = {}  # title -> outcome
        self._notes: set[str] = set()
        self._before: dict[str, str] = {}

    def again(self) -> None:
        """Note that another try begins."""
        self._before = dict(self._steps)

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        outcome: list[str] = []
        if title not in self._before:
            with self._inner.step(title) as done:
                yield outcome.append
                done("".join(outcome))
        else:
            yield outcome.append
            if "".join(outcome) != self._before[title]:
                with self._inner.step(title) as done:
                    done("".join(outcome))
        self._steps[title] = "".join(outcome)

    def note(self, text: str) -> None:
        if text not in self._notes:
            self._notes.add(text)
            self._inner.note(text)

    def now(self, text: str) -> None:
        progress_.now(self._inner, text)

    def check(self) -> None:
        progress_.check(self._inner)
