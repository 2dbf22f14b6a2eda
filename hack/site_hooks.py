"""Called by ProperDocs for each page, so that the site shows what GitHub shows."""

import re

_FENCE = re.compile(r"^```(\w+) (\w+)=(\S+)$", re.MULTILINE)
_CELL = re.compile(r"<td>.*?</td>", re.DOTALL)


def on_page_markdown(markdown: str, **_: object) -> str:
    """Python-Markdown does not read the words after a code block's language: a file's name becomes a line above it."""
    return _FENCE.sub(lambda match: (f"`{match[3]}`:\n\n" if match[2] == "file" else "") + f"```{match[1]}", markdown)


def on_page_content(html: str, **_: object) -> str:
    r"""GitHub needs `\|` for a bar in a table's code, and Python-Markdown keeps the backslash."""
    return _CELL.sub(lambda match: match[0].replace(r"\|", "|"), html)
