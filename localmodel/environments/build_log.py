"""What building an environment says: kept in a file, and told to whoever listens."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from localmodel.environments.sources import scrub

Listen = Callable[[str], None]


@contextmanager
def kept(path: Path | None, listen: Listen | None = None) -> Iterator[Listen]:
    """A function for the lines of one build, which replace those of the last one in the file.

    Each line is in the file at once, so that it can be followed.
    """
    if path is None:
        yield listen or (lambda line: None)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", buffering=1) as file:

        def say(line: str) -> None:
            file.write(scrub(line) + "\n")
            if listen:
                listen(scrub(line))

        yield say


def used(path: Path) -> None:
    """Note that the environment whose log this is was used now: the file's time says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
