"""How many threads numeric libraries may start in one worker."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

# Libraries that go by OMP_NUM_THREADS where their own variable is not set.
_LIKE_OPENMP = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_OF_THEIR_OWN = (
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "TF_NUM_INTRAOP_THREADS",
)
VARIABLES = _LIKE_OPENMP + _OF_THEIR_OWN


def thread_limits(environment: Mapping[str, str], worker_count: int, cpus: int) -> dict[str, str]:
    """The variables that limit all workers together to one thread fewer than there are CPUs.

    That one is the server's: a second thread of OpenBLAS that waits by spinning costs more than it brings when
    the server has to share its CPU. Left alone, each library in each worker starts one thread per CPU of the
    machine, whatever the container may use, and they all stand in each other's way. What the user has set stays.
    """
    names = _OF_THEIR_OWN if "OMP_NUM_THREADS" in environment else VARIABLES
    threads = str(max(1, (cpus - 1) // worker_count))
    return {name: threads for name in names if name not in environment}


def usable_cpus(root: Path = Path("/")) -> int:
    """How many CPUs this process may keep busy: its affinity, or its cgroup's quota if that is less.

    root stands in for the file system's root in tests.
    """
    try:
        allowed = len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        allowed = os.cpu_count() or 1
    return max(1, int(min([allowed, *_quotas(root)])))


def cgroups(root: Path, controller: str) -> Iterator[Path]:
    """Folders of the cgroup around this process and of those around that one, as far as they can be seen.

    A controller of version 1 has its own; that of version 2 is the empty text.
    """
    mount = root / "sys/fs/cgroup" / controller
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, inside = line.split(":", 2)
        if controller in controllers.split(","):
            folder = mount / inside.lstrip("/")
            while folder != mount and mount in folder.parents:
                yield folder
                folder = folder.parent
    yield mount


def _quotas(root: Path) -> Iterator[float]:
    """CPUs that each cgroup around this process allows."""
    for folder in cgroups(root, ""):
        # version 2: "<quota or max> <period>", in microseconds
        quota, _, period = _read(folder / "cpu.max").partition(" ")
        yield from _quotient(quota, period)
    for folder in cgroups(root, "cpu"):
        yield from _quotient(_read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us"))


def _quotient(quota: str, period: str) -> Iterator[float]:
    # "max" and -1 say that there is no quota
    if quota.isdigit() and period.isdigit() and int(period) > 0:
        yield int(quota) / int(period)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, ValueError):
        return ""
