"""Tables for people, at most as wide as the terminal."""

from collections.abc import Collection, Sequence

_GAP = "  "
_SHORTEST = 12  # of a column that is cut
_ENOUGH = 24  # of the last column, before others are left out for it


def lines(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int | None, spare: Sequence[str] = ()
) -> list[str]:
    """One line for the names and one for each row; the last column is cut where `width` ends.

    If that leaves it too short, the columns that say nothing are left out, then those that are `spare`, one after the
    other. What is still too wide is cut where it is widest.
    """
    table = [list(column) for column in zip(columns, *rows, strict=True)]
    if width is not None:
        for column in [*(column for column in table[:-1] if rows and _is_empty(column)), *_named(table, spare)]:
            if _total(_widths(table, _ENOUGH)) <= width:
                break
            if column in table:
                table.remove(column)
    widths = _widths(table, None)
    if width is not None:
        widths[-1] = min(widths[-1], max(width - _total([*widths[:-1], 0]), _SHORTEST))
        while _total(widths) > width and max(widths) > _SHORTEST:
            widths[widths.index(max(widths))] -= 1
    return [
        _GAP.join(cut(cell, size).ljust(size) for cell, size in zip(row, widths, strict=True)).rstrip()
        for row in zip(*table, strict=True)
    ]


def cut(text: str, width: int) -> str:
    """The text, cut to the width with … at its end."""
    return text if len(text) <= width else f"{text[: width - 1].rstrip()}…"


def _named(table: Sequence[list[str]], names: Collection[str]) -> list[list[str]]:
    """The columns of these names, in the order of the names."""
    return [column for name in names for column in table if column[0] == name]


def _is_empty(column: Sequence[str]) -> bool:
    return not {*column[1:]} - {"", "-"}


def _widths(table: Sequence[Sequence[str]], last: int | None) -> list[int]:
    """The widths of the columns, with at most `last` for the last one."""
    widths = [max(map(len, column)) for column in table]
    return widths if last is None else [*widths[:-1], min(widths[-1], last)]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)
