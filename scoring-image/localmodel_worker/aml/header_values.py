"""Header values with parameters: `form-data; name="a"; filename="b.png"`."""

from __future__ import annotations

import re

# name=token or name="quoted", where a quote or backslash in quotes has a backslash before it.
_PARAMETER = re.compile(r""";\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;"]*)""", re.DOTALL)


def split_value(value: str) -> tuple[str, dict[str, str]]:
    """The value before the first `;`, in lower case, and the parameters by name in lower case."""
    main, semicolon, rest = value.partition(";")
    parameters: dict[str, str] = {}
    for name, text in _PARAMETER.findall(semicolon + rest):
        name = name.lower()
        if name.endswith("*"):
            # The extended form may say what the plain one cannot, so it wins.
            parameters[name[:-1]] = _decode_extended(_unquoted(text))
        else:
            parameters.setdefault(name, _unquoted(text))
    return main.strip().lower(), parameters


def split_cookies(value: str) -> list[tuple[str, str]]:
    """The names and values in a Cookie header."""
    pairs = []
    for part in value.split(";"):
        name, equals, text = part.partition("=")
        if equals and name.strip():
            pairs.append((name.strip(), _cookie_value(text.strip())))
    return pairs


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    # Browsers write %22 for a quote in a file's name, and leave backslashes alone.
    return re.sub(r'\\(["\\])', r"\1", text[1:-1]).replace("%22", '"')


def _decode_extended(text: str) -> str:
    from urllib.parse import unquote

    charset, quote, rest = text.partition("'")
    _, second_quote, encoded = rest.partition("'")
    if not quote or not second_quote:
        return text
    encoding = "latin-1" if charset.lower() == "iso-8859-1" else "utf-8"
    return unquote(encoded, encoding, errors="replace")


def _cookie_value(text: str) -> str:
    if len(text) < 2 or not (text.startswith('"') and text.endswith('"')):
        return text
    octal = re.sub(r"\\([0-3][0-7]{2})", lambda match: chr(int(match.group(1), 8)), text[1:-1])
    return re.sub(r"\\(.)", r"\1", octal)
