"""Measures one update under load."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from updating.load import Load
from updating.loop import Loop
from updating.pods import Pods
from updating.site import Site

_WITHIN = 300.0
_BEFORE, _AFTER = 0.5, 1.0
_POLL = 0.05


@dataclass(frozen=True)
class Figures:
    """Seconds since the save; `durable` is None if a restart undoes the update. `sent` are bytes to each node."""

    answer: float
    everywhere: float
    durable: float | None
    sent: int
    requests: int
    lost: int

    def __str__(self) -> str:
        durable = "never" if self.durable is None else f"{self.durable:.2f} s"
        return (
            f"answer {self.answer:.2f} s, all pods {self.everywhere:.2f} s, durable {durable}, "
            f"{self.sent:,} bytes, lost {self.lost} of {self.requests}"
        )


def measure(site: Site, loop: Loop, replicas: int, state: Mapping[str, int], act: Callable[[], None]) -> Figures:
    """The figures of the update that `act` makes, after which `state` must answer."""
    load = Load(loop.port)
    with site.api() as api, load.running():
        pods = Pods(api, site.namespace, loop.selector, replicas)
        time.sleep(_BEFORE)
        begun = time.monotonic()
        ended = _in_background(act)
        in_pods = _wait(lambda: pods.all_answer(state), ended, f"{loop.name}: not every pod answers {dict(state)}")
        answered = _wait(lambda: load.first(state, begun) is not None, ended, f"{loop.name}: not answered")
        _wait(ended, ended, f"{loop.name}: its commands have not ended")
        durable = None
        if loop.is_durable(api) is not None:
            durable = _wait(lambda: bool(loop.is_durable(api)), ended, "not durable")
        time.sleep(_AFTER)
    first = load.first(state, begun) or answered
    everywhere = max(first, in_pods, load.last_other(state, begun))
    return Figures(
        first - begun,
        everywhere - begun,
        None if durable is None else max(durable, everywhere) - begun,
        loop.sent(),
        len(load.seen),
        len(load.lost),
    )


def _in_background(act: Callable[[], None]) -> Callable[[], bool]:
    """Start the action; return a function that says whether it has ended, and raises its error."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()

    def ended() -> bool:
        if raised:
            raise raised[0]
        return not thread.is_alive()

    return ended


def _wait(is_reached: Callable[[], bool], ended: Callable[[], bool], trouble: str) -> float:
    """The time (`time.monotonic()`) when the condition was reached."""
    deadline = time.monotonic() + _WITHIN
    while not is_reached():
        ended()
        if time.monotonic() > deadline:
            raise SystemExit(f"after {_WITHIN:.0f} s {trouble}")
        time.sleep(_POLL)
    return time.monotonic()
