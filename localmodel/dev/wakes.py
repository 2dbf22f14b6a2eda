"""Waking up when something happens in folders."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from watchfiles import watch

# A save of several files, or one by way of a temporary file, is over when nothing happens for so long; and it is not
# waited longer than the other while something happens all the time.
_QUIET_MILLISECONDS = 25
_LONGEST_MILLISECONDS = 300
# There are changes that no folder tells of: behind a link, on a network drive, of the folder itself.
_LOOK_MILLISECONDS = 250


def wakes(folders: Iterable[Path]) -> Iterator[None]:
    """One at once; then whenever something has happened in a folder (not in those below it), and now and then."""
    yield
    identity = _identity(folders)
    places = [folder for folder, inode in identity.items() if inode]
    try:
        for _ in watch(
            *places,
            watch_filter=None,
            step=_QUIET_MILLISECONDS,
            debounce=_LONGEST_MILLISECONDS,
            rust_timeout=_LOOK_MILLISECONDS,
            yield_on_timeout=True,
            recursive=False,
        ):
            yield
            if _identity(folders) != identity:
                return  # another folder of the name is not watched yet
    except OSError:  # the system lets nobody watch any more folders, or one has gone just now
        time.sleep(_LOOK_MILLISECONDS / 1000)


def _identity(folders: Iterable[Path]) -> dict[Path, int]:
    found = {}
    for folder in folders:
        try:
            found[folder] = folder.stat().st_ino
        except OSError:
            found[folder] = 0
    return found
