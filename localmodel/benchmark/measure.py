"""Sends requests with several clients, and measures how long the answers take."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from localmodel.benchmark.result import Result, summary
from localmodel.errors import UserError
from localmodel.sdk.connections import AsyncConnections

# A body and its content type
Request = tuple[bytes, str]


@dataclass(frozen=True)
class Load:
    """The load: `clients` that send in parallel, until `requests` (None means no limit) or `seconds` are over."""

    clients: int
    seconds: float
    requests: int | None = None
    timeout: float = 60.0


@dataclass
class _Counts:
    left: Iterator[Request]
    end: float
    seconds: list[float] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)


def measure(url: str, requests: Sequence[Request], load: Load) -> Result:
    """Send the requests repeatedly in turn, until the load or Ctrl-C ends it."""
    begun, cpu = time.monotonic(), time.process_time()
    turns = itertools.islice(itertools.cycle(requests), load.requests)
    counts = _Counts(turns, begun + load.seconds)
    with contextlib.suppress(KeyboardInterrupt):  # what was measured so far counts
        asyncio.run(_send_all(url, load, counts))
    passed = time.monotonic() - begun
    return summary(counts.seconds, counts.errors, passed, load.clients, time.process_time() - cpu)


async def _send_all(url: str, load: Load, counts: _Counts) -> None:
    connections = AsyncConnections()
    try:
        await asyncio.gather(*(_send(connections, url, load, counts) for _ in range(load.clients)))
    finally:
        await connections.close()


async def _send(connections: AsyncConnections, url: str, load: Load, counts: _Counts) -> None:
    for body, content_type in counts.left:
        if time.monotonic() >= counts.end:
            return
        begun = time.perf_counter()
        try:
            answer = await connections.post(url, body, {"content-type": content_type}, load.timeout)
            problem = f"status {answer.status}" if answer.status >= 400 else ""
        except UserError as error:
            problem = str(error)
        counts.seconds.append(time.perf_counter() - begun)
        if problem:
            counts.errors[problem] = counts.errors.get(problem, 0) + 1
