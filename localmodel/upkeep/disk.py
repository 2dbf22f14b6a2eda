"""Counts bytes on disk. A file with several links counts once, and is freed with its last link."""

import contextlib
import itertools
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

_BLOCK = 512  # the unit of st_blocks on every file system


class Count:
    """Counts the bytes at paths; a file that was counted before is not counted again."""

    def __init__(self) -> None:
        self._links: dict[tuple[int, int], int] = {}
        self._paths: set[Path] = set()

    def add(self, paths: Iterable[Path]) -> tuple[int, int]:
        """The bytes that the paths take, and how many are freed if all links counted so far are removed."""
        taken = freed = 0
        for path, status in itertools.chain.from_iterable(map(_files, paths)):
            if path in self._paths:
                continue
            self._paths.add(path)
            key, size = (status.st_dev, status.st_ino), status.st_blocks * _BLOCK
            links = self._links[key] = self._links.get(key, 0) + 1
            taken += size if links == 1 else 0
            freed += size if stat.S_ISDIR(status.st_mode) or links == status.st_nlink else 0
        return taken, freed


def _files(path: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """The file, or the folder with everything in it, except what is removed meanwhile."""
    with contextlib.suppress(OSError):
        status = path.lstat()
        yield path, status
        if stat.S_ISDIR(status.st_mode):
            for entry in path.iterdir():
                yield from _files(entry)
