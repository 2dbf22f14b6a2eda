"""Seeing an object of a cluster change as it happens, with kubectl."""

import contextlib
import json
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

# A watch says nothing when its object is gone, or its connection is.
_SECONDS_OF_SILENCE = 5.0
_SECONDS_BETWEEN_WATCHES = 0.3
_SECONDS_BETWEEN_LOOKS = 0.1


def changes(
    command: Sequence[str], get: Callable[[], dict[str, Any]], until: float, look: Callable[[], None]
) -> Iterator[dict[str, Any]]:
    """The object as it is, and whatever it becomes, until time.monotonic() is `until`.

    `command` is `kubectl get --watch -o json` of the one object; `get` asks once, when that has ended, and its errors
    are raised. `look` is called all the while; what it raises ends the watching.
    """
    while True:
        yield from _watched(command, until, look)  # which begins with the object as it is
        yield get()
        left = until - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(left, _SECONDS_BETWEEN_WATCHES))


def _watched(command: Sequence[str], until: float, look: Callable[[], None]) -> Iterator[dict[str, Any]]:
    """What the watch says, until it ends or falls silent."""
    found: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        lines = process.stdout
        assert lines is not None  # noqa: S101 - for the type checker: it is a pipe

        def read() -> None:
            for one in _objects(lines):
                found.put(one)
            found.put(None)

        reader = Thread(target=read, daemon=True)
        reader.start()
        try:
            silent_until = _silent_until(until)
            while True:
                look()
                with contextlib.suppress(Empty):
                    one = found.get(timeout=_SECONDS_BETWEEN_LOOKS)
                    if one is None:
                        return
                    yield one
                    silent_until = _silent_until(until)
                if time.monotonic() > silent_until:
                    return
        finally:
            process.terminate()
            reader.join()


def _silent_until(until: float) -> float:
    return min(time.monotonic() + _SECONDS_OF_SILENCE, until)


def _objects(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """The objects of a stream in which each ends with a line of its closing brace alone."""
    text = ""
    for line in lines:
        text += line
        if line.rstrip("\n") == "}":
            yield json.loads(text)
            text = ""
