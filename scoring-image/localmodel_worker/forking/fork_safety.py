"""When forking a process that has imported packages is the same as importing them in a new one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from importlib.machinery import all_suffixes
from pathlib import Path
from typing import Optional

from localmodel_worker.forking.environment_watch import Reads

# Of the dynamic linker, the C library, Python itself, and the thread pools of numeric libraries.
_FOR_THE_START = ("LD_", "LC_", "GLIBC_", "MALLOC_", "PYTHON")
_WORDS = ("TZ", "LANG", "LANGUAGE", "HOME", "PATH", "TMPDIR")
_POOLS = "_THREADS"
# What tells a script of its revision: no native library knows these, and who lists all variables looks for others.
_OURS = ("LOCALMODEL_", "AML_", "AZUREML_")
_PIECE = 1 << 20
_GPUS = ("/dev/nvidia", "/dev/kfd", "/dev/dri/")


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Variables that have another value, or are only in one of the two."""
    return sorted(name for name in {*before, *now} if before.get(name) != now.get(name))


def read_at_import(name: str, reads: Reads) -> Optional[str]:
    """Who has read the variable when it was imported, in words; None when nobody has."""
    if name.startswith(_FOR_THE_START) or name in _WORDS or name.endswith(_POOLS):
        return "counts from the start of a process"
    if name in reads.names:
        return f"is read when {reads.names[name]} is imported"
    if reads.all_by and not name.startswith(_OURS):
        return f"may be read when {reads.all_by} is imported, which reads all"
    return None


def found_in(files: Iterable[str], names: Iterable[str]) -> dict[str, str]:
    """Which of the names occur in a file, and in which: a library that names a variable may have read it.

    A single word occurs in many of them: it counts only where it is the whole of a C string.
    """
    ours = (name for name in names if name.startswith(_OURS))
    wanted = {name: os.fsencode(name if "_" in name else f"\0{name}\0") for name in {*names}.difference(ours)}
    places: dict[str, str] = {}
    for file in files:
        if not wanted:
            break
        for name in _names_in(file, wanted):
            places[name] = file
            del wanted[name]
    return places


def mapped_files(maps: str) -> list[str]:
    """The files with code in a `/proc/self/maps`."""
    lines = (line.split(None, 5) for line in maps.splitlines())
    return list(dict.fromkeys(line[5] for line in lines if len(line) == 6 and "x" in line[1] and line[4] != "0"))


def hidden_in(folder: str, packages: set[str]) -> Optional[str]:
    """What in a folder of user code has the name of one of these packages; None when nothing has."""
    try:
        entries = sorted(Path(folder).iterdir())
    except OSError:
        return None
    for entry in entries:
        name, dot, rest = entry.name.partition(".")
        if name in packages and (dot + rest in all_suffixes() or (not dot and entry.is_dir())):
            return entry.name
    return None


def open_gpu() -> Optional[str]:
    """A GPU's device that this process has open: its driver does not survive a fork."""
    try:
        descriptors = list(Path("/proc/self/fd").iterdir())
    except OSError:
        return None
    for descriptor in descriptors:
        with contextlib.suppress(OSError):  # the one that listed them is closed
            target = os.readlink(descriptor)  # noqa: PTH115 - a Path would lose what is no path
            if target.startswith(_GPUS):
                return target
    return None


def _names_in(path: str, wanted: Mapping[str, bytes]) -> list[str]:
    overlap = max(map(len, wanted.values())) - 1
    names: dict[str, None] = {}
    try:
        with open(path, "rb") as file:
            end = b""
            while piece := file.read(_PIECE):
                piece = end + piece
                names.update((name, None) for name, pattern in wanted.items() if pattern in piece)
                end = piece[len(piece) - overlap :] if overlap else b""
    except OSError:
        return list(wanted)  # deleted since: nobody can say what it has read
    return list(names)
