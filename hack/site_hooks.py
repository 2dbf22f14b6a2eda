"""Hooks of ProperDocs for each page, so that the site shows what GitHub shows."""

import re

_FENCE = re.compile(r"^```(\w+) (\w+)=(\S+)$", re.MULTILINE)
_CELL = re.compile(r"<td>.*?</td>", re.DOTALL)


def on_page_markdown(markdown: str, **_: object) -> str:
    """Write the file's name of a code block into a line above it, because Python-Markdown ignores it."""
    return _FENCE.sub(lambda match: (f"`{match[3]}`:\n\n" if match[2] == "file" else "") + f"```{match[1]}", markdown)


def on_page_content(html: str, **_: object) -> str:
    r"""Replace `\|` in code in tables, which GitHub needs, and Python-Markdown would show with its backslash."""
    return _CELL.sub(lambda match: match[0].replace(r"\|", "|"), html)
