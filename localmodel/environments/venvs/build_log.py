"""The output of an environment's build: kept in a file, and passed to whoever listens."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from localmodel.requirements.sources import scrub

Listen = Callable[[str], None]
_MOST_CHARACTERS = 10_000_000


@contextmanager
def kept(path: Path | None, listen: Listen | None = None) -> Iterator[Listen]:
    """A function for the lines of one build, which replace those of the previous build in the file.

    Each line is written at once, so that the file can be followed. After ten million characters, lines are still passed
    on, but no longer kept.
    """
    if path is None:
        yield listen or (lambda line: None)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    room = _MOST_CHARACTERS
    with path.open("w", buffering=1) as file:

        def say(line: str) -> None:
            nonlocal room
            if room > 0:
                room -= len(line)
                file.write((scrub(line) if room > 0 else "... the rest is not kept") + "\n")
            if listen:
                listen(scrub(line))

        yield say


def used(path: Path) -> None:
    """Note that the environment of this log is used now, by the file's time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
