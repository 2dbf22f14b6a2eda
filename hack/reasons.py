"""Makes the tables of reasons in docs/troubleshooting.md from localmodel/reasons/, and keeps the prose."""

from itertools import groupby
from pathlib import Path

from localmodel.reasons import TABLES, Row

_NOTHING = "\N{EN DASH}"
_PAGE = Path(__file__).parents[1] / "docs" / "troubleshooting.md"
_BEGIN, _END = "<!-- reasons: {} -->", "<!-- end of reasons -->"


def render() -> str:
    """The page."""
    text = _PAGE.read_text()
    for name, rows in TABLES.items():
        before, begin, rest = text.partition(_BEGIN.format(name))
        _, end, after = rest.partition(_END)
        if not begin or not end:
            raise SystemExit(
                f"{_PAGE}: there is no place for the reasons {name}: write {_BEGIN.format(name)} and {_END}"
            )
        text = f"{before}{begin}\n{table(rows)}\n{end}{after}"
    return text


def table(rows: list[Row]) -> str:
    """A table of reasons in Markdown; neighbours with the same meaning and advice share a row."""
    lines = ["| reason | means | what to do |", "|---|---|---|"]
    for (means, do), same in groupby(rows, key=lambda row: (row.means, row.do)):
        names = ", ".join(f"`{row.reason}`" for row in same)
        lines.append(f"| {names} | {means} | {do or _NOTHING} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(render(), end="")
