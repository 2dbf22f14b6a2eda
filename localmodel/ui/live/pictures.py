"""Draws samples as paths of an SVG picture, with the same in words."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from localmodel.disk import size
from localmodel.ui.live.samples import SECONDS_KEPT, Sample

WIDTH, HEIGHT = 360, 80
_SHORTEST = 60.0  # seconds that a picture shows
_Value = Callable[[Sample], float | None]


@dataclass(frozen=True)
class Picture:
    """A picture of the last hour, or of what there is of it, from `since` on.

    `paths` are those of an SVG; `top` is the value of its upper edge, in words.
    """

    title: str
    paths: tuple[str, ...]
    top: str
    now: str
    most: str
    since: str


def all_of(samples: Sequence[Sample], now: float) -> list[Picture]:
    """The pictures of a deployment."""
    return [
        _picture("Requests per second", samples, now, _number, lambda sample: sample.requests),
        _picture("Errors per second", samples, now, _number, lambda sample: sample.errors),
        _picture(
            "Milliseconds until an answer: half of them, and 95 of 100",
            samples,
            now,
            _number,
            lambda sample: sample.half,
            lambda sample: sample.most,
        ),
        _picture("Memory", samples, now, lambda value: size.words(int(value)), lambda sample: sample.memory),
        _picture("Requests that wait for a worker", samples, now, _number, lambda sample: sample.waiting),
        _picture("Workers that were replaced", samples, now, _number, lambda sample: sample.restarts),
    ]


def _picture(
    title: str, samples: Sequence[Sample], now: float, in_words: Callable[[float], str], *values: _Value
) -> Picture:
    span = min(max(now - samples[0].begin, _SHORTEST), SECONDS_KEPT) if samples else SECONDS_KEPT
    known = [number for value in values for sample in samples if (number := value(sample)) is not None]
    top = _top(max(known, default=0))
    last = [value(samples[-1]) if samples else None for value in values]
    return Picture(
        title,
        tuple(_path(samples, now, span, value, top) for value in values),
        in_words(top),
        ", ".join("none" if number is None else in_words(number) for number in last),
        in_words(max(known)) if known else "none",
        _ago(span),
    )


def _path(samples: Iterable[Sample], now: float, span: float, value: _Value, top: float) -> str:
    """Steps from one sample to the next, with a gap where there is none."""
    steps, at, height = [], -1, -1
    for sample in samples:
        number = value(sample)
        if number is None:
            at = -1
            continue
        begin, end, y = _x(sample.begin, now, span), _x(sample.end, now, span), round(HEIGHT * (1 - number / top))
        if begin != at:
            steps.append(f"M{begin} {y}")
        elif y != height:
            steps.append(f"V{y}")
        if steps and steps[-1].startswith("H"):
            steps.pop()  # the line goes on at the same height
        steps.append(f"H{end}")
        at, height = end, y
    return "".join(steps)


def _x(moment: float, now: float, span: float) -> int:
    return max(round(WIDTH * (1 - (now - moment) / span)), 0)


def _ago(seconds: float) -> str:
    minutes = math.ceil(seconds / 60)
    return "a minute ago" if minutes == 1 else f"{minutes} minutes ago" if minutes < 60 else "an hour ago"


def _top(most: float) -> float:
    """The next of 1, 2, 5, 10, 20 … that is not below it; 1 of nothing."""
    step = 1e-3 if most else 1
    while True:
        for factor in (1, 2, 5):
            if step * factor >= most:
                return step * factor
        step *= 10


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
