"""Reading a log that grows: all of it, or its end, and what is added."""

import time
from collections.abc import Iterator
from pathlib import Path

_PIECE = 1 << 16  # bytes
_FOLLOW_SECONDS = 0.2


def read(build: Path | None, log: Path, follow: bool, lines: int | None) -> Iterator[str]:
    """The log of the build, then the server's, or the last `lines` of the two together."""
    built = build if build is not None and build.is_file() else None
    size = 0
    if lines is None:
        yield from _whole(built) if built else ()
    else:
        size = log.stat().st_size if log.is_file() else 0
        end = tail(log, lines, size) if size else ""
        missing = lines - len(end.splitlines())
        yield (tail(built, missing, built.stat().st_size) if built else "") + end
    yield from _grown(log, follow, size)


def tail(path: Path, lines: int, size: int) -> str:
    """The last lines of a file's first `size` bytes, read from the end."""
    at, found = size, b""
    with path.open("rb") as file:
        while at > 0 and found.count(b"\n") <= lines:
            step = min(_PIECE, at)
            at -= step
            file.seek(at)
            found = file.read(step) + found
    kept = found.splitlines(keepends=True)[-lines:] if lines > 0 else []
    return b"".join(kept).decode(errors="replace")


def _whole(path: Path) -> Iterator[str]:
    with path.open(errors="replace") as file:
        yield from iter(lambda: file.read(_PIECE), "")


def _grown(log: Path, follow: bool, start: int) -> Iterator[str]:
    """The log from its byte `start` on; ends when it is gone, or at its end unless `follow`."""
    while follow and not log.is_file() and log.parent.is_dir():
        time.sleep(_FOLLOW_SECONDS)
    if not log.is_file():
        return
    with log.open(errors="replace") as file:
        file.seek(start)
        while True:
            yield from iter(lambda: file.read(_PIECE), "")
            if not follow or not log.exists():
                return
            time.sleep(_FOLLOW_SECONDS)
