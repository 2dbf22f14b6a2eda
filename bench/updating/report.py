"""Medians, and how many times as long the others take."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from updating.measure import Figures

Results = Mapping[str, Sequence[Figures]]  # by way


def table(title: str, results: Results) -> Iterator[str]:
    """A line for each way: medians, all that was lost."""
    yield f"{title}:"
    for way, rounds in results.items():
        durable = _median(each.durable for each in rounds)
        yield (
            f"  {way:<9} answer {_median(each.answer for each in rounds):8.2f} s"
            f"   all pods {_median(each.everywhere for each in rounds):8.2f} s"
            f"   durable {'never' if durable is None else f'{durable:.2f} s':>9}"
            f"   to each node {int(_median(each.sent for each in rounds) or 0):>13,} bytes"
            f"   lost {sum(each.lost for each in rounds)} of {sum(each.requests for each in rounds)}"
        )


def ratios(name: str, results: Results) -> Iterator[str]:
    """For programs: the naive way's median for ours; of code edits also until they are durable."""
    ours, naive = results.get("ours", ()), results.get("naive", ())
    if not ours or not naive:
        return
    for what in ("answer", "durable"):
        mine, theirs = (_median(getattr(each, what) for each in rounds) for rounds in (ours, naive))
        if mine and theirs and (what == "answer" or name.startswith("code-edit")):
            yield f"ratio {name}-{what} {theirs / mine:.2f}"


def _median(values: Iterator[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return median(there) if there else None
