"""Small tables in HTML, in which everything that others have written is text."""

import html
import re
from collections.abc import Callable, Mapping, Sequence
from threading import Thread

from localmodel.output.printable import printable

MOST_ROWS = 60
_SECONDS = 1.0

# Without colours of their own, so that they fit a dark page as well as a light one.
_CELL = "text-align:left;vertical-align:top;white-space:pre-wrap;padding:2px 12px 2px 0"
_FRAME = "width:100%;height:36em;border:1px solid"
_OWN_ADDRESS = re.compile(r"http://(localhost|127\.0\.0\.1)(:\d+)?/[\w./-]*")


def rows(values: Sequence[Mapping[str, str]], empty: str) -> str:
    """A table with a line for each of the values, which have the same keys; `empty` in place of none.

    A column that has no text is left out.
    """
    if not values:
        return text(empty)
    columns = [name for name in values[0] if any(row[name] for row in values)]
    head = "".join(_cell("th", name) for name in columns)
    lines = ["".join(_cell("td", row[name]) for name in columns) for row in values[:MOST_ROWS]]
    more = text(f"and {len(values) - MOST_ROWS} more") if len(values) > MOST_ROWS else ""
    return _table([head, *lines]) + more


def fields(values: Mapping[str, str]) -> str:
    """A table with a line for each field that has a text."""
    return _table([_cell("th", name) + _cell("td", cell) for name, cell in values.items() if cell])


def text(words: str) -> str:
    """A line of text."""
    return f"<div>{escaped(words)}</div>"


def frame(title: str, address: str) -> str:
    """A page of this machine, to be opened in place; "" for any other address."""
    if not _OWN_ADDRESS.fullmatch(address):
        return ""
    page = f'<iframe src="{escaped(address)}" title="{escaped(title)}" loading="lazy" style="{_FRAME}"></iframe>'
    return f"<details><summary>{escaped(title)}</summary>{page}</details>"


def in_time(make: Callable[[], str], otherwise: str) -> str:
    """The result of `make`, or the text `otherwise`, with the reason, if that fails or takes long.

    A notebook shows a value at the end of a cell, which must neither fail nor wait because of that.
    """
    made: list[str] = []

    def run() -> None:
        try:
            made.append(make())
        except Exception as error:
            made.append(text(f"{otherwise}: {error}"))

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(_SECONDS)
    return made[0] if made else text(f"{otherwise}: no answer within {_SECONDS:g} s")


def _table(lines: Sequence[str]) -> str:
    inside = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<table style="border-collapse:collapse;margin:0">{inside}</table>'


def _cell(tag: str, words: str) -> str:
    shown = escaped(words)
    if _OWN_ADDRESS.fullmatch(words):
        shown = f'<a href="{shown}" target="_blank" rel="noopener noreferrer">{shown}</a>'
    return f'<{tag} style="{_CELL}">{shown}</{tag}>'


def escaped(words: str) -> str:
    return html.escape(printable(words))
