"""Colours on standard output, if it is a terminal that shows them, and NO_COLOR is not set."""

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
