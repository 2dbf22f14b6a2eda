"""The files that a manifest is made from."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from localmodel_untrusted.files import decoded, read_file

_KUSTOMIZATION = ("kustomization.yaml", "kustomization.yml", "Kustomization")


@dataclass(frozen=True)
class Inputs:
    """`files` may be missing (yet, or again); `folders` exist and contain those that exist."""

    files: frozenset[Path]
    folders: frozenset[Path]


def of_manifest(path: Path) -> Inputs:
    """The manifest file itself, or a kustomization with every file that it names, in other folders, too."""
    return beside(_kustomized(path.absolute(), set()) if path.is_dir() else {path.absolute()})


def beside(files: set[Path]) -> Inputs:
    """The files, and the folders that contain them."""
    return Inputs(frozenset(files), frozenset(file.parent for file in files if file.parent.is_dir()))


def _kustomized(folder: Path, seen: set[Path]) -> set[Path]:
    seen.add(folder)
    files = {folder / name for name in _KUSTOMIZATION}
    for file in tuple(files):
        for text in _texts(_read(file)):
            # Any text may be a path, or KEY=path, because many fields name files; other texts do no harm.
            place = Path(*_without_dots(folder, text.rpartition("=")[2]))
            if place.is_dir() and place not in seen:
                files |= _kustomized(place, seen)
            elif place != folder:
                files.add(place)
    return files


def _read(file: Path) -> Any:
    try:
        return list(yaml.safe_load_all(decoded(read_file(file) or b"")))
    except (ValueError, RecursionError, yaml.YAMLError):
        return None  # the apply reports what is wrong


def _texts(value: Any) -> Iterator[str]:
    """Every text in the value, which may be a path."""
    if isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str) and value and len(value) < 1000 and value.isprintable():
        yield value


def _without_dots(folder: Path, name: str) -> tuple[str, ...]:
    """The parts of the path, with `..` resolved, so that the same folder has the same parts."""
    parts: list[str] = []
    for part in (folder / name).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return tuple(parts)
