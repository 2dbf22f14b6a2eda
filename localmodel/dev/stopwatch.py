"""Measures how long each step of an update takes."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

# Steps that look things up; so does the step of an environment that exists already.
_LOOKS_UP = ("manifest", "script", "models", "requirements", "plan", "environment")
_REVISION = "revision "
_LONG = 0.5


@dataclass(frozen=True)
class Step:
    """A step: when it began and ended (`time.monotonic()`), and its result in words."""

    title: str
    begun: float
    ended: float
    result: str = ""


@dataclass(frozen=True)
class Stage:
    """A part of an update, as it is printed."""

    name: str
    seconds: float


class Stopwatch:
    """Implements `Progress`, `Revocable` and `Live`: keeps the steps and the notes.

    `show` gets the current step, and None after it; `tell` gets each note. `check` raises if the update is to be
    given up.
    """

    def __init__(
        self, show: Callable[[str | None], None], tell: Callable[[str], None], check: Callable[[], None]
    ) -> None:
        self._show, self._tell = show, tell
        self.check = check
        self.steps: list[Step] = []
        self.notes: list[str] = []
        self._title = ""

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        begun = time.monotonic()
        outcome: list[str] = []
        self._title = title
        self._show(title)
        try:
            yield outcome.append
        finally:
            self.steps.append(Step(title, begun, time.monotonic(), "".join(outcome)))
            self._show(None)

    @property
    def plan(self) -> str:
        """What the update does, and why; "" without a plan."""
        return next((step.result for step in self.steps if step.title == "plan"), "")

    def now(self, text: str) -> None:
        self._show(f"{self._title}: {text}" if text else self._title)

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)
            self._tell(text)


def stages(begun: float, steps: Iterable[Step], ended: float, load: Mapping[str, float]) -> list[Stage]:
    """The stages of an update that serves, without a gap between them.

    `begun` and `ended` are as in `Step`. `load` has the milliseconds of the server's load by part, and divides the step
    of the revision. Without such a step, the time after the last one is the stage `serves`.
    """
    result = until(begun, steps)
    if not any(stage.name.startswith(_REVISION) for stage in result):
        return [*result, Stage("serves", ended - begun - sum(stage.seconds for stage in result))]
    return _divided(result, sum(load.values()) / 1000)


def until(begun: float, steps: Iterable[Step]) -> list[Stage]:
    """The stages of an update that may have stopped early."""
    result: list[Stage] = []
    moment = begun
    for step in steps:
        is_long = step.title == "environment" and step.ended - step.begun > _LONG
        name = "resolved" if step.title in _LOOKS_UP and not is_long else step.title
        if result and result[-1].name == name == "resolved":
            result[-1] = Stage(name, result[-1].seconds + step.ended - moment)
        else:
            result.append(Stage(name, step.ended - moment))
        moment = step.ended
    return result


def _divided(undivided: list[Stage], candidate: float) -> list[Stage]:
    """The stages, with the step of the revision divided into the server's load and the rest until it served."""
    result: list[Stage] = []
    for stage in undivided:
        if not stage.name.startswith(_REVISION):
            result.append(stage)
        elif 0 < candidate < stage.seconds:
            result += [Stage("candidate ready", candidate), Stage("serves", stage.seconds - candidate)]
        else:
            result.append(Stage("serves", stage.seconds))
    return result
