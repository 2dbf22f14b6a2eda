"""What a replay says: as values, and in Markdown and HTML."""

import html
import json
import math
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import chain
from typing import Any

from localmodel.output.printable import one_line
from localmodel.replay.fields import Fields, by
from localmodel.replay.replay import MOST_LISTED, Compared, Replay
from localmodel_untrusted.answer_difference import Change

_BARS = 10
_LONGEST = 80
_MARKUP = re.compile(r"[\\`|\[\]!*_#~]")
# What a renderer makes a mention or a link of, broken by a comment, which it does not show.
_BROKEN = {"@": "@<!-- -->", "://": ":<!-- -->//", "www.": "www<!-- -->."}


def values(replay: Replay, before: str, after: str) -> dict[str, Any]:
    """The report; `before` and `after` are what the two sides are called."""
    changed, incomparable = replay.changed, replay.incomparable
    return {
        "before": before,
        "after": after,
        "requests": len(replay.compared) + sum(replay.not_sent.values()),
        "same": len(replay.compared) - len(changed) - len(incomparable),
        "changed": len(changed),
        "not_comparable": len(incomparable),
        "not_sent": dict(replay.not_sent.most_common()),
        "left_out": sorted(replay.unstable),
        "fields": [*_fields(replay.fields)],
        "milliseconds": {"before": _times(replay, "before"), "after": _times(replay, "after")},
        "changes": [_listed(one) for one in changed[:MOST_LISTED]],
        "not_compared": [
            {"number": one.number, "id": one.request.id, "why": one.incomparable} for one in incomparable[:MOST_LISTED]
        ],
    }


def summary(report: dict[str, Any]) -> Iterator[str]:
    """The report in a few lines."""
    sides = f"{report['before']} -> {report['after']}"
    if compared := report["requests"] - sum(report["not_sent"].values()):
        yield f"{report['changed']} of {compared} answers change: {sides}"
    else:
        yield f"no answer could be compared: {sides}"
    for field in report["fields"]:
        yield f"  {_field_line(field)}"
    if report["not_comparable"]:
        yield f"{report['not_comparable']} cannot be compared: {report['not_compared'][0]['why']}"
    if report["left_out"]:
        yield f"not compared, because they differ between two answers of the same: {', '.join(report['left_out'])}"
    for why, count in report["not_sent"].items():
        yield f"{count} not asked: {one_line(why)}"


def written(report: dict[str, Any], form: str) -> str:
    """The report in a form: html, json or md."""
    return {"html": page, "json": text, "md": markdown}[form](report)


def text(report: dict[str, Any]) -> str:
    """The report as JSON."""
    return json.dumps(plain(report), indent=2, ensure_ascii=False) + "\n"


def plain(report: dict[str, Any]) -> dict[str, Any]:
    """The report without numbers that JSON does not have: each is a text, such as "NaN"."""
    values: dict[str, Any] = json.loads(json.dumps(report), parse_constant=str)
    return values


def markdown(report: dict[str, Any]) -> str:
    """The report as a page in Markdown."""
    head, *rest = summary(report)
    lines = [f"# {_escaped(head)}", "", *(f"- {_escaped(line.strip())}" for line in rest), ""]
    for title, columns, rows in _tables(report):
        lines += [f"## {title}", "", f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
        lines += [f"| {' | '.join(map(_escaped, row))} |" for row in rows] + [""]
    return "\n".join(lines)


def page(report: dict[str, Any]) -> str:
    """The report as a page in HTML, which needs nothing else."""
    head, *rest = (html.escape(line.strip()) for line in summary(report))
    parts = [f"<h1>{head}</h1><ul>", *(f"<li>{line}</li>" for line in rest), "</ul>"]
    for title, columns, rows in _tables(report):
        cells = [_row("th", columns), *(_row("td", row) for row in rows)]
        parts.append(f"<h2>{title}</h2><table>{''.join(cells)}</table>")
    style = "body{font:14px sans-serif;margin:2em}td,th{text-align:left;padding:2px 12px 2px 0;vertical-align:top}"
    return f"<!doctype html><meta charset=utf-8><title>{head}</title><style>{style}</style>{''.join(parts)}\n"


def _tables(report: dict[str, Any]) -> Iterator[tuple[str, Sequence[str], list[list[str]]]]:
    if report["fields"]:
        columns = ("field", "answers", "worst", "by", "distribution, from 0 to the worst")
        rows = [
            [
                field["field"],
                str(field["answers"]),
                " -> ".join(_sides(field["worst"])),
                "" if field["worst"]["by"] is None else f"{field['worst']['by']:g}",
                _bars(field["distribution"]),
            ]
            for field in report["fields"]
        ]
        yield "Fields", columns, rows
    if report["changes"]:
        rows = [
            [str(one["number"]), one["id"], change["at"], *_sides(change)]
            for one in report["changes"]
            for change in one["changes"]
        ]
        yield "Answers", ("request", "id", "at", "before", "after"), rows
    if report["not_compared"]:
        rows = [[str(one["number"]), one["id"], one["why"]] for one in report["not_compared"]]
        yield "Not comparable", ("request", "id", "why"), rows
    times = report["milliseconds"]
    if times["before"]:
        rows = [[side, *(f"{times[side][name]:.1f}" for name in ("p50", "p90", "p99"))] for side in times]
        yield "Milliseconds", ("side", "p50", "p90", "p99"), rows


def _fields(fields: Fields) -> Iterator[dict[str, Any]]:
    """What has changed in each place, the place with the most answers first."""
    for place, found in fields:
        number, request_id, change = found.worst
        yield {
            "field": place,
            "answers": found.answers,
            "kinds": sorted(found.kinds),
            "worst": {"number": number, "id": request_id, **_change(change)},
            "distribution": _histogram([*map(_number, found.sizes)]),
        }


def _field_line(field: dict[str, Any]) -> str:
    worst = field["worst"]
    by = "" if worst["by"] is None else f", by {worst['by']:g} at most"
    values = " -> ".join(_sides(worst))
    answers = f"{field['answers']} answer{'' if field['answers'] == 1 else 's'}"
    return f"{field['field']}: {answers}{by}: {values} (request {worst['number']})"


def _listed(one: Compared) -> dict[str, Any]:
    changes = [{"at": change.path, **_change(change)} for change in one.changes]
    return {"number": one.number, "id": one.request.id, "changes": changes}


def _change(change: Change) -> dict[str, Any]:
    size = by(change)
    return {
        "kind": change.kind,
        "before": change.before,
        "after": change.after,
        "by": None if size is None else _number(size),
    }


def _number(distance: Fraction) -> float:
    try:
        return float(distance)
    except OverflowError:
        return math.inf


def _times(replay: Replay, side: str) -> dict[str, float]:
    times = sorted(getattr(one, side) for one in replay.compared)
    if not times:
        return {}
    return {f"p{part}": round(times[min(len(times) - 1, len(times) * part // 100)], 3) for part in (50, 90, 99)}


def _histogram(distances: Sequence[float]) -> list[int]:
    """How many distances are in each of ten equal parts between none and the largest."""
    finite = [*filter(math.isfinite, distances)]
    if not finite or not (largest := max(finite)):
        return []
    counts = [0] * _BARS
    for distance in finite:
        counts[min(_BARS - 1, int(distance / largest * _BARS))] += 1
    return counts


def _bars(counts: Sequence[int]) -> str:
    most = max(chain(counts, [1]))
    return "".join(" ▁▂▃▄▅▆▇█"[-(-count * 8 // most)] for count in counts)


def _sides(change: dict[str, Any]) -> tuple[str, str]:
    """What stood there before and after; "nothing" where it was missing."""
    before, after = (_short(change[side]) for side in ("before", "after"))
    return ("nothing" if change["kind"] == "added" else before, "nothing" if change["kind"] == "missing" else after)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _escaped(text: str) -> str:
    """A text in a cell of a table, in which it means nothing but itself."""
    text = _MARKUP.sub(r"\\\g<0>", one_line(text)).replace("&", "&amp;").replace("<", "&lt;")
    for meant, broken in _BROKEN.items():
        text = text.replace(meant, broken)
    return text


def _row(kind: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{kind}>{html.escape(cell)}</{kind}>' for cell in cells)}</tr>"
