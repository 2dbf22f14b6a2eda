"""Wakes when something happens in folders."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from watchfiles import watch

# A save of several files, or through a temporary file, is over when nothing has happened for this long; if something
# happens all the time, the second value limits the wait.
_QUIET_MILLISECONDS = 25
_LONGEST_MILLISECONDS = 300
# Some changes are not reported: behind a link, on a network drive, of the folder itself.
_LOOK_MILLISECONDS = 250


def wakes(folders: Iterable[Path]) -> Iterator[None]:
    """Yield at once, then whenever something has happened in a folder (not below it), and now and then."""
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
                return  # a new folder of the same name is not watched yet
    except OSError:  # the system allows no more watches, or a folder has just disappeared
        time.sleep(_LOOK_MILLISECONDS / 1000)


def _identity(folders: Iterable[Path]) -> dict[Path, int]:
    identities = {}
    for folder in folders:
        try:
            identities[folder] = folder.stat().st_ino
        except OSError:
            identities[folder] = 0
    return identities
