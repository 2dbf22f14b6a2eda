"""Tables for people, at most as wide as the terminal."""

from collections.abc import Sequence

_GAP = "  "
_SHORTEST = 12  # of a last column, however narrow the terminal is


def lines(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """One line for the names and one for each row; the last column is cut where `width` ends."""
    cells = [list(columns), *(list(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    if width is not None:
        room = width - sum(widths[:-1]) - len(_GAP) * (len(widths) - 1)
        widths[-1] = min(widths[-1], max(room, _SHORTEST))
    return [
        _GAP.join(cut(cell, size).ljust(size) for cell, size in zip(row, widths, strict=True)).rstrip() for row in cells
    ]


def cut(text: str, width: int) -> str:
    """The text, cut to the width with … at its end."""
    return text if len(text) <= width else f"{text[: width - 1].rstrip()}…"
