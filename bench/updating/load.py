"""Sends requests at a steady rate, and records their answers."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from updating.project import REQUEST, state_of

PER_SECOND = 50
_THREADS = 5
_NEW_CONNECTION = {"Connection": "close"}


@dataclass(frozen=True)
class Seen:
    """One request: when it was sent and done (time.monotonic()), the state that answered, or what went wrong."""

    sent: float
    done: float
    state: Mapping[str, int] | None
    problem: str = ""


class Load:
    """50 requests a second to a port of this machine: half over kept connections, half over new ones."""

    def __init__(self, port: int) -> None:
        self._url = f"http://localhost:{port}/score"
        self._stop = threading.Event()
        self.seen: list[Seen] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        begun = time.monotonic()
        threads = [threading.Thread(target=self._run, args=(number, begun)) for number in range(_THREADS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    @property
    def lost(self) -> list[Seen]:
        return [request for request in self.seen if request.problem]

    def first(self, state: Mapping[str, int], since: float) -> float | None:
        """When the state first answered a request that was sent after `since`."""
        return min(
            (request.done for request in list(self.seen) if request.sent >= since and request.state == state),
            default=None,
        )

    def last_other(self, state: Mapping[str, int], since: float) -> float:
        """When another state answered for the last time."""
        others = (
            request.done for request in list(self.seen) if request.sent >= since and request.state not in (state, None)
        )
        return max(others, default=since)

    def _run(self, number: int, begun: float) -> None:
        interval = _THREADS / PER_SECOND
        due = begun + interval * number / _THREADS
        turn = number
        with httpx.Client(trust_env=False, timeout=30) as client:
            while not self._stop.wait(max(0.0, due - time.monotonic())):
                turn += 1
                self.seen.append(_ask(client, self._url, _NEW_CONNECTION if turn % 2 else {}))
                # delayed requests are not sent later in a burst
                due = max(due + interval, time.monotonic() - 1)


def _ask(client: httpx.Client, url: str, headers: Mapping[str, str]) -> Seen:
    sent = time.monotonic()
    try:
        answer = client.post(url, content=REQUEST, headers=headers)
    except httpx.HTTPError as error:
        return Seen(sent, time.monotonic(), None, f"{type(error).__name__}: {error}")
    done = time.monotonic()
    if answer.status_code != 200:
        return Seen(sent, done, None, f"{answer.status_code} {answer.text[:200]}")
    return Seen(sent, done, state_of(answer.content))


def ask(client: httpx.Client, url: str) -> Any:
    """The state that answers at the URL now, or None."""
    return _ask(client, url, {}).state
