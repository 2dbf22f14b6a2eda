"""Many consecutive edits, each as soon as every pod answers with the previous one, none of which may lose a request."""

import time
from collections.abc import Callable, Iterator
from statistics import median, quantiles

from updating.cases import code_edit
from updating.load import Load
from updating.loop import Loop
from updating.pods import Pods
from updating.project import Wanted
from updating.site import Site

_WITHIN = 120.0
_POLL = 0.02


def consecutive(
    site: Site, way: Loop, replicas: int, wanted: Wanted, updates: int, numbers: Iterator[int]
) -> tuple[Wanted, str, float]:
    """Make the edits; return the final state, the figures in words, and the share of answered requests."""
    seconds: list[float] = []
    load = Load(way.port)
    with site.api() as api, load.running():
        pods = Pods(api, site.namespace, way.selector, replicas)
        for _ in range(updates):
            before, wanted = wanted, code_edit(wanted, next(numbers))
            begun = time.monotonic()
            way.update(before, wanted)
            _until(_everywhere(load, pods, wanted, begun), wanted)
            seconds.append((load.first(wanted.answer, begun) or time.monotonic()) - begun)
        last = time.monotonic()
        _until(lambda: bool(way.is_durable(api)), wanted)
        durable = time.monotonic() - last
    late = load.last_other(wanted.answer, last) - last
    worst = quantiles(seconds, n=20)[-1] if len(seconds) > 1 else seconds[0]
    figures = (
        f"answer p50 {median(seconds):.2f} s, p95 {worst:.2f} s, longest {max(seconds):.2f} s; the last durable after "
        f"{durable:.1f} s, an older one answered {late:.2f} s after it; lost {len(load.lost)} of {len(load.seen)}"
    )
    return wanted, figures, 1 - len(load.lost) / len(load.seen)


def _everywhere(load: Load, pods: Pods, wanted: Wanted, since: float) -> Callable[[], bool]:
    return lambda: load.first(wanted.answer, since) is not None and pods.all_answer(wanted.answer)


def _until(is_reached: Callable[[], bool], wanted: Wanted) -> None:
    deadline = time.monotonic() + _WITHIN
    while not is_reached():
        if time.monotonic() > deadline:
            raise SystemExit(f"after {_WITHIN:.0f} s not answered everywhere, and for good: {wanted.answer}")
        time.sleep(_POLL)
