"""The lines that `lmd dev` prints about one update."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from localmodel.dev import sample
from localmodel.dev.sample import Reply
from localmodel.dev.stopwatch import Stage
from localmodel.targets.target import DeploymentStatus

Tone = Literal["", "good", "bad", "note", "gone", "new", "dim"]


@dataclass(frozen=True)
class Line:
    """A line with its tone, which decides its colour."""

    text: str
    tone: Tone = ""


@dataclass(frozen=True)
class Failure:
    """Why an update does not serve. `traceback` is the script's, `goes_on` says what still serves; both may be ""."""

    message: str
    traceback: str
    goes_on: str


def served(what: str, deployments: Iterable[DeploymentStatus], changed: bool, stages: Sequence[Stage]) -> list[Line]:
    """Lines on an update that has ended. `what` was saved; unless `changed`, nothing had to be done."""
    lines = []
    for deployment in deployments:
        if deployment.serving is None:
            lines.append(Line(f"{what}: {deployment.name} does not serve: {deployment.message}", "bad"))
        elif changed:
            lines.append(Line(f"{what}: revision {deployment.serving} serves after {_total(stages)}", "good"))
        else:
            lines.append(Line(f"{what}: nothing has changed, revision {deployment.serving} serves"))
    return [*lines, *([Line(f"  {parts(stages)}", "dim")] if changed else [])]


def failed(what: str, failure: Failure, stages: Sequence[Stage]) -> list[Line]:
    """Lines on why an update failed."""
    lines = [Line(f"{what}: not updated after {_total(stages)}", "bad"), Line(f"  {parts(stages)}", "dim")]
    lines += [Line(f"  {line}", "bad") for line in failure.message.splitlines()]
    lines += [Line(f"    {line}") for line in failure.traceback.splitlines()]
    return [*lines, *([Line(f"  {failure.goes_on}")] if failure.goes_on else [])]


def given_up(what: str, why: str, stages: Sequence[Stage]) -> list[Line]:
    """Lines on an update that a newer save has replaced."""
    return [Line(f"{what}: given up after {_total(stages)}: {why}", "note")]


def answers(request: str, before: Reply | None, after: Reply, traceback: str) -> list[Line]:
    """Lines on the answer to the sample request, a file of this name. `before` is None for the first answer.

    `traceback` is that of run(), or "".
    """
    if before is None:
        lines = [Line(f"  {request} is answered with"), *(Line(f"    {line}") for line in sample.words(after))]
    elif difference := sample.difference(before, after):
        tones: dict[str, Tone] = {"-": "gone", "+": "new"}
        changed_lines = (Line(f"    {line}", tones.get(line[0], "")) for line in difference)
        lines = [Line(f"  {request} is answered differently"), *changed_lines]
    else:
        lines = [Line(f"  {request} is answered as before", "dim")]
    return [*lines, *(Line(f"    {line}") for line in traceback.splitlines())]


def parts(stages: Iterable[Stage]) -> str:
    return " · ".join(f"{stage.name} {duration(stage.seconds)}" for stage in stages)


def _total(stages: Iterable[Stage]) -> str:
    return duration(sum(stage.seconds for stage in stages))


def duration(seconds: float) -> str:
    """The duration with three digits at most: 64 ms, 1.2 s, 75 s."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds:.0f} s"
