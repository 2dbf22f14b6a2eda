"""The type of options that give a time."""

from typing import Any

import click

# Half a year; sockets and locks take no number that is much greater.
_LONGEST = 16_000_000.0


class Seconds(click.FloatRange):
    """A time that can be waited for: not 0, not endless, and a number."""

    def __init__(self, longest: float | None = None) -> None:
        super().__init__(min=0, max=longest, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = float(super().convert(value, param, ctx))
        if not seconds <= _LONGEST:  # nan is neither more nor less
            self.fail(f"{value} is not a number of seconds up to {_LONGEST:.0f}.", param, ctx)
        return seconds
