"""Reads the progress of uv's installation from its lines: how many packages, and how much was downloaded."""

import re
from collections.abc import Callable

from localmodel.output.progress import Progress, now
from localmodel.output.so_far import SoFar

_BEGINS = re.compile(r"\s*Downloading (\S+) \(([\d.]+) ?([KMGT]?i?B)\)")
_ENDS = re.compile(r"\s*Downloaded (\S+)")
_BUILDS = re.compile(r"\s*Building (\S+)")
_PREPARED = re.compile(r"\s*Prepared (\d+) packages?\b")
_UNITS = {"B": 1e-6, "KiB": 0.001024, "MiB": 1.048576, "GiB": 1073.741824}
_MOST_NAMES = 3


def listener(counted: str, progress: Progress) -> Callable[[str], None]:
    """A function for the installer's lines that reports them to the progress; `counted` is the number of packages."""
    so_far = SoFar(progress.note, "the environment is still being installed")

    def tell(text: str) -> None:
        now(progress, text)
        so_far.look(f": {text}")

    return InstallNews(counted, tell).line


class InstallNews:
    """Calls `tell` with a few words at each line with news."""

    def __init__(self, counted: str, tell: Callable[[str], None]) -> None:
        self._counted, self._tell = counted, tell
        self._megabytes: dict[str, float] = {}
        self._arrived: set[str] = set()

    def line(self, line: str) -> None:
        """Read a line of the installer."""
        if begun := _BEGINS.match(line):
            self._megabytes[begun[1]] = float(begun[2]) * _UNITS.get(begun[3], 0)
        elif (ended := _ENDS.match(line)) and ended[1] in self._megabytes:
            self._arrived.add(ended[1])
        elif building := _BUILDS.match(line):
            self._tell(f"{self._counted}, building {building[1]}")
            return
        elif _PREPARED.match(line):
            self._tell(f"{self._counted}, all here: installing")
            return
        else:
            return
        self._tell(self._words())

    def _words(self) -> str:
        here = sum(size for name, size in self._megabytes.items() if name in self._arrived)
        coming = [name for name in self._megabytes if name not in self._arrived]
        names = ", ".join(coming[:_MOST_NAMES]) + (", …" if len(coming) > _MOST_NAMES else "")
        text = f"{self._counted}, {here:.0f} of {sum(self._megabytes.values()):.0f} MB downloaded"
        return f"{text} ({names})" if names else text
