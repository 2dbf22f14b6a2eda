"""Makes texts from others safe to print: everything in them is visible, and nothing steers a terminal."""

import re

# Control characters except line feed and tab, changes of the writing direction, other line breaks, lone surrogates.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_LINES = re.compile("[\n\t]")


def printable(text: str) -> str:
    """The text, with escapes for what would steer a terminal, except line feeds and tabs."""
    return _STEERING.sub(_escaped, text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """The text as from `printable()`, with escapes for line feeds and tabs, too."""
    return _LINES.sub(_escaped, printable(text))


def json_text(text: str) -> str:
    """A JSON text with the same value, with escapes for what would steer a terminal."""
    return _STEERING.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()
