"""Reports medians, and how many times as long the other ways take."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from updating.measure import Figures

Results = Mapping[str, Sequence[Figures]]  # by way


def table(title: str, results: Results) -> Iterator[str]:
    """A line for each way: medians, all that was lost."""
    yield f"{title}:"
    for way, rounds in results.items():
        durable = _median(figures.durable for figures in rounds)
        yield (
            f"  {way:<9} answer {_median(figures.answer for figures in rounds):8.2f} s"
            f"   all pods {_median(figures.everywhere for figures in rounds):8.2f} s"
            f"   durable {'never' if durable is None else f'{durable:.2f} s':>9}"
            f"   to each node {int(_median(figures.sent for figures in rounds) or 0):>13,} bytes"
            f"   lost {sum(figures.lost for figures in rounds)} of {sum(figures.requests for figures in rounds)}"
        )


def ratios(name: str, results: Results) -> Iterator[str]:
    """Ratios for programs: the naive way's median divided by ours; for code edits also until they are durable."""
    ours, naive = results.get("ours", ()), results.get("naive", ())
    if not ours or not naive:
        return
    for what in ("answer", "durable"):
        mine, theirs = (_median(getattr(figures, what) for figures in rounds) for rounds in (ours, naive))
        if mine and theirs and (what == "answer" or name.startswith("code-edit")):
            yield f"ratio {name}-{what} {theirs / mine:.2f}"


def _median(values: Iterator[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return median(present) if present else None
