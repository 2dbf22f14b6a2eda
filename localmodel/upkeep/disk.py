"""Bytes on disk. A file with several links is one file: counted once, and freed when the last link goes."""

import contextlib
import itertools
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

_BLOCK = 512  # what st_blocks counts, whatever the file system's own blocks are


class Count:
    """Counts what lies at paths; what was counted before is not counted again."""

    def __init__(self) -> None:
        self._links: dict[tuple[int, int], int] = {}
        self._paths: set[Path] = set()

    def add(self, paths: Iterable[Path]) -> tuple[int, int]:
        """Bytes that the paths take, and how many of them are free again once all links counted so far are gone."""
        taken = freed = 0
        for path, found in itertools.chain.from_iterable(map(_files, paths)):
            if path in self._paths:
                continue
            self._paths.add(path)
            key, size = (found.st_dev, found.st_ino), found.st_blocks * _BLOCK
            seen = self._links[key] = self._links.get(key, 0) + 1
            taken += size if seen == 1 else 0
            freed += size if stat.S_ISDIR(found.st_mode) or seen == found.st_nlink else 0
        return taken, freed


def _files(path: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """The file, or the folder and all that is in it; what goes meanwhile is left out."""
    with contextlib.suppress(OSError):
        found = path.lstat()
        yield path, found
        if stat.S_ISDIR(found.st_mode):
            for entry in path.iterdir():
                yield from _files(entry)


def words(count: int) -> str:
    """A number of bytes as people read it: 625 MB."""
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 999.5:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
