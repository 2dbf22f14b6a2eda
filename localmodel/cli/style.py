"""Colours on standard output, where it is a terminal that shows them and NO_COLOR does not forbid them."""

import os
import sys

import click


def bold(text: str) -> str:
    return _styled(text, bold=True)


def bad(text: str) -> str:
    return _styled(text, fg="red")


def _styled(text: str, fg: str | None = None, bold: bool = False) -> str:
    shown = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return click.style(text, fg=fg, bold=bold or None) if shown and text else text
