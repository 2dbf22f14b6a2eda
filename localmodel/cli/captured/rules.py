"""The options that say which changes of answers do not count."""

import functools
import math
from collections.abc import Callable
from typing import Any

import click


def comparing(needed: str = "", parameter: str = "") -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add --tolerance, --relative and --ignore to a command, which gets them as `rules`.

    `needed` is the option without which they mean nothing, `parameter` its name in the command.
    """

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        @click.option(
            "--tolerance",
            type=click.FloatRange(min=0),
            callback=_finite,
            default=0.0,
            help="How far apart numbers in answers may be. Default: not at all.",
        )
        @click.option(
            "--relative",
            type=click.FloatRange(min=0),
            callback=_finite,
            default=0.0,
            help="The same, as a part of the number before: 0.01.",
        )
        @click.option(
            "--ignore",
            "ignored",
            multiple=True,
            callback=_paths,
            help="Path in the answers that does not count, such as '$.rows[*].time'. Repeatable.",
        )
        @functools.wraps(command)
        def wrapped(
            *arguments: Any, tolerance: float, relative: float, ignored: tuple[Any, ...], **options: Any
        ) -> None:
            from localmodel_untrusted.answer_difference import Rules
            from localmodel_untrusted.json_difference import Tolerance

            rules = Rules(Tolerance(tolerance, relative), ignored)
            if needed and not options[parameter] and rules != Rules():
                raise click.UsageError(f"--tolerance, --relative and --ignore need {needed}")
            command(*arguments, rules=rules, **options)

        return wrapped

    return decorated


def _paths(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> tuple[Any, ...]:
    from localmodel_untrusted import json_path

    try:
        return tuple(map(json_path.parse_pattern, texts))
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from None


def _finite(context: click.Context, parameter: click.Parameter, number: float) -> float:
    if not math.isfinite(number):
        raise click.BadParameter(f"{number} is not a valid distance", context, parameter)
    return number
