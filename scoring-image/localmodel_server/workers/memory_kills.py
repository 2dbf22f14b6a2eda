"""Whether the kernel has killed a process for lack of memory: of several in a container, it may kill one."""

from __future__ import annotations

from pathlib import Path

from localmodel_server.configuration.threads import cgroups

# Where a cgroup counts them: version 2, and version 1.
_COUNTERS = (("", "memory.events"), ("memory", "memory.oom_control"))


class MemoryKills:
    """What the cgroup around this process has counted, kill by kill.

    root stands in for the file system's root in tests.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._known = self._count()

    def is_another(self) -> bool:
        """Whether there was a kill that has not been reported yet; ask once for each killed process."""
        if self._count() <= self._known:
            return False
        self._known += 1
        return True

    def _count(self) -> int:
        for controller, name in _COUNTERS:
            for folder in cgroups(self._root, controller):
                try:
                    lines = (folder / name).read_text().splitlines()
                except (OSError, ValueError):
                    continue
                counts = [line.split()[1] for line in lines if line.startswith("oom_kill ")]
                if counts and counts[0].isdigit():
                    return int(counts[0])
        return 0
