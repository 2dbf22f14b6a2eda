"""Texts of others for people's eyes: whatever they hold is shown, and nothing of it steers a terminal."""

import re

# Control characters but line feed and tab, what turns the direction of writing, other line breaks, halves of pairs.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_LINES = re.compile("[\n\t]")


def printable(text: str) -> str:
    """The text with escapes for what would steer a terminal; line feeds and tabs stay."""
    return _STEERING.sub(_escaped, text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """As printable(), with escapes for line feeds and tabs, too."""
    return _LINES.sub(_escaped, printable(text))


def json_text(text: str) -> str:
    """A JSON text with escapes for what would steer a terminal; it says the same."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
