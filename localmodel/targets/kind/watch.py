"""Follows the changes of an object in a cluster, with kubectl."""

import contextlib
import json
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

# A watch is silent when its object or its connection is gone.
_SECONDS_OF_SILENCE = 5.0
_SECONDS_BETWEEN_WATCHES = 0.3
_SECONDS_BETWEEN_LOOKS = 0.1


def changes(
    command: Sequence[str], get: Callable[[], dict[str, Any]], until: float, look: Callable[[], None]
) -> Iterator[dict[str, Any]]:
    """The object as it is now and after each change, until `time.monotonic()` reaches `until`.

    `command` is `kubectl get --watch -o json` of the object; `get` reads it once after the watch has ended, and may
    raise. `look` is called regularly, and ends the watch if it raises.
    """
    while True:
        yield from _watched(command, until, look)  # begins with the object as it is
        yield get()
        left = until - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(left, _SECONDS_BETWEEN_WATCHES))


def _watched(command: Sequence[str], until: float, look: Callable[[], None]) -> Iterator[dict[str, Any]]:
    """The objects that the watch prints, until it ends or falls silent."""
    queue: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        lines = process.stdout
        assert lines is not None  # noqa: S101 - for the type checker: it is a pipe

        def read() -> None:
            for item in _objects(lines):
                queue.put(item)
            queue.put(None)

        reader = Thread(target=read, daemon=True)
        reader.start()
        try:
            silent_until = _silent_until(until)
            while True:
                look()
                with contextlib.suppress(Empty):
                    received = queue.get(timeout=_SECONDS_BETWEEN_LOOKS)
                    if received is None:
                        return
                    yield received
                    silent_until = _silent_until(until)
                if time.monotonic() > silent_until:
                    return
        finally:
            process.terminate()
            reader.join()


def _silent_until(until: float) -> float:
    return min(time.monotonic() + _SECONDS_OF_SILENCE, until)


def _objects(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """The objects of a stream in which each one ends with its closing brace alone on a line."""
    text = ""
    for line in lines:
        text += line
        if line.rstrip("\n") == "}":
            yield json.loads(text)
            text = ""
