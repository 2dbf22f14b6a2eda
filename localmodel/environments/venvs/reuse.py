"""Reuses packages of another virtual environment as hard links, with their compiled files.

Neither installers nor Python change a file in place: they replace it, and other links to the old file stay as they
were. So an environment may be in use while another one is made from it, and later.
"""

import csv
import os
import re
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from packaging.utils import canonicalize_name

_COMPILED = re.compile(r"(?P<module>.+)\.cpython-\d+(\.opt-\w+)?\.pyc")


def packages(donor: Path, place: Path, wanted: Mapping[str, str]) -> set[str]:
    """Link those of the packages `wanted` (name -> version) that are complete in one environment into another.

    Both have the same Python. Returns the names of the packages that `place` has now.
    """
    linked: set[str] = set()
    # Texts from here on, because for thousands of files Path takes longer than the links.
    source, target = str(donor), str(place)
    site = os.path.relpath(site_packages(donor), donor)
    for info in (donor / site).glob("*.dist-info"):
        name, _, version = info.name.removesuffix(".dist-info").partition("-")
        name = canonicalize_name(name)
        if wanted.get(name) == version and (files_of_package := files(source, site, info)):
            for file in (*files_of_package, *compiled(source, files_of_package)):
                _link(f"{source}/{file}", f"{target}/{file}")
            linked.add(name)
    return linked


def site_packages(environment: Path) -> Path:
    """The environment's folder of packages."""
    (folder,) = environment.glob("lib/python3.*/site-packages")
    return folder


def files(donor: str, site: str, info: Path) -> list[str]:
    """The package's files as paths below the environment; none if one is missing or has another size."""
    try:
        with (info / "RECORD").open(newline="") as record:
            rows = [(os.path.normpath(f"{site}/{path}"), size) for path, _, size in csv.reader(record)]
        # A file outside does not belong to this environment.
        whole = all(not file.startswith(("..", "/")) and _has_size(f"{donor}/{file}", size) for file, size in rows)
    except (OSError, ValueError):
        return []
    return [file for file, _ in rows] if whole else []


def _has_size(file: str, size: str) -> bool:
    actual = os.stat(file).st_size  # noqa: PTH116
    return not size or actual == int(size)


def compiled(donor: str, files: Iterable[str]) -> Iterator[str]:
    """The compiled files of the modules among the files."""
    modules = defaultdict(set)
    for file in files:
        if file.endswith(".py"):
            folder, _, name = file.rpartition("/")
            modules[f"{folder}/__pycache__"].add(name.removesuffix(".py"))
    for folder, names in modules.items():
        try:
            entries = os.listdir(f"{donor}/{folder}")  # noqa: PTH208
        except FileNotFoundError:
            continue
        for name in entries:
            if (match := _COMPILED.fullmatch(name)) and match["module"] in names:
                yield f"{folder}/{name}"


def _link(file: str, place: str) -> None:
    try:
        os.link(file, place)
    except FileNotFoundError:
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        os.link(file, place)
    except FileExistsError:
        pass  # a compiled file that the package's own list names, too
    except OSError:  # this file system has no links, or the file has too many
        shutil.copy2(file, place)
