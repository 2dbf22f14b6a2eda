"""How long each step of an update takes."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

# Steps that look things up; an environment that is there already is looked up, too.
_LOOKS_UP = ("manifest", "script", "models", "requirements", "plan", "environment")
_REVISION = "revision "
_LONG = 0.5


@dataclass(frozen=True)
class Step:
    """A step with the moments (time.monotonic()) at which it began and ended, and how it went, in words."""

    title: str
    begun: float
    ended: float
    said: str = ""


@dataclass(frozen=True)
class Stage:
    """A part of an update that the user is told of; `seconds` long."""

    name: str
    seconds: float


class Stopwatch:
    """See target.Progress and target.Revocable: keeps the steps and the notes.

    `show` is told what is going on, and None when it is over, `tell` each note as it comes. `check` raises when the
    update is to be given up.
    """

    def __init__(
        self, show: Callable[[str | None], None], tell: Callable[[str], None], check: Callable[[], None]
    ) -> None:
        self._show, self._tell = show, tell
        self.check = check
        self.steps: list[Step] = []
        self.notes: list[str] = []

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        begun = time.monotonic()
        outcome: list[str] = []
        self._show(title)
        try:
            yield outcome.append
        finally:
            self.steps.append(Step(title, begun, time.monotonic(), "".join(outcome)))
            self._show(None)

    @property
    def plan(self) -> str:
        """What is done, and why; "" where nobody has planned."""
        return next((step.said for step in self.steps if step.title == "plan"), "")

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)
            self._tell(text)


def stages(begun: float, steps: Iterable[Step], ended: float, load: Mapping[str, float]) -> list[Stage]:
    """What the steps of an update that has come to serve come to, without a gap between them.

    `begun` and `ended` as in Step. `load` is what the server has told of its candidate, in milliseconds by part: it
    divides the step of the revision. Where there is no such step, the time after the last one is until it serves.
    """
    found = until(begun, steps)
    if not any(stage.name.startswith(_REVISION) for stage in found):
        return [*found, Stage("serves", ended - begun - sum(stage.seconds for stage in found))]
    return _divided(found, sum(load.values()) / 1000)


def until(begun: float, steps: Iterable[Step]) -> list[Stage]:
    """What the steps come to, as far as they went."""
    found: list[Stage] = []
    moment = begun
    for step in steps:
        is_long = step.title == "environment" and step.ended - step.begun > _LONG
        name = "resolved" if step.title in _LOOKS_UP and not is_long else step.title
        if found and found[-1].name == name == "resolved":
            found[-1] = Stage(name, found[-1].seconds + step.ended - moment)
        else:
            found.append(Stage(name, step.ended - moment))
        moment = step.ended
    return found


def _divided(found: list[Stage], candidate: float) -> list[Stage]:
    """The step of the revision as what the server took for its candidate, and what was left until it served."""
    result: list[Stage] = []
    for stage in found:
        if not stage.name.startswith(_REVISION):
            result.append(stage)
        elif 0 < candidate < stage.seconds:
            result += [Stage("candidate ready", candidate), Stage("serves", stage.seconds - candidate)]
        else:
            result.append(Stage("serves", stage.seconds))
    return result
