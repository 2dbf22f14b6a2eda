"""Finds the environments that deployments need, in what the targets have recorded."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from localmodel import target_table
from localmodel.disk import state_file
from localmodel.store import uses


def keys(home: Path) -> dict[str, str]:
    """The environments of kept revisions and of waiting deployments, as key -> who needs it.

    Raises:
        UserError: StateDamaged; what a record needs is unknown, so that nothing may be removed.
    """
    needed: dict[str, str] = {}
    for target, folder in target_table.folders(home).items():
        for path in _kept(folder, "build"):
            needed |= dict.fromkeys(_read(path, lambda text: [text.strip()]), f"{path.parent.name} ({target})")
        for path in uses.records(folder):
            who = f"{path.parents[2].name} ({target}, revision {path.parent.name})"
            needed |= dict.fromkeys(_read(path, lambda text: [_text(json.loads(text)["build"])]), who)
    for path in _notes(home):
        for key in _read(path, lambda text: map(_text, json.loads(text)["environments"])):
            needed.setdefault(key, "a deployment on a cluster")
    return needed


def of_version(home: Path, version: str) -> list[str]:
    """The deployments whose manifest names the version (`name:3`) of a stored environment.

    Raises:
        UserError: StateDamaged.
    """
    users = []
    for target, folder in target_table.folders(home).items():
        for path in _kept(folder, "applied.json"):
            if version in _read(path, lambda text: _named(json.loads(text)["deployment"]["spec"])):
                users.append(f"{path.parent.name} ({target})")
    for path in _notes(home):
        deployments: Iterable[Any] = _read(path, lambda text: json.loads(text)["deployments"])
        users += [
            f"{deployment['namespace']}/{deployment['name']} (kind)"
            for deployment in deployments
            if _ref(deployment) == version
        ]
    return sorted(set(users))


def _notes(home: Path) -> Iterator[Path]:
    """The notes that operators keep about their clusters."""
    return uses.notes(home / "store")


def _ref(deployment: Any) -> str:
    return str(deployment.get("environment", ""))  # operators of earlier versions do not write it


def _named(spec: Any) -> list[str]:
    reference = spec.get("environment", {}).get("ref")
    return [f"{reference['name']}:{reference['version']}"] if reference else []


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _kept(folder: Path, name: str) -> Iterator[Path]:
    return (folder / entry.name / name for entry in state_file.entries(folder) if entry.is_dir())


def _read(path: Path, parse: Callable[[str], Iterable[Any]]) -> list[Any]:
    do = "restore it, or delete its deployment: until then it is not known which environments are needed"
    return state_file.load(path, lambda content: list(parse(content.decode())), do) or []
