"""The parts in which two revisions differ, each of which can be exchanged by itself."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import TypeVar

from localmodel.environments.locks.lock import Lock
from localmodel.environments.venvs import nearest
from localmodel.requirements import hashes
from localmodel.trial.kept import Kept

PACKAGES = "packages"
_MOST_NAMES = 6

Exchange = Callable[[Kept], Kept]
Value = TypeVar("Value")


@dataclass(frozen=True)
class Part:
    """A part: what it is called, how it differs, in words without values, and what takes it from the other side."""

    name: str
    change: str
    exchange: Exchange


def differing(before: Kept, after: Kept) -> list[Part]:
    """The parts in which the revisions differ; all packages are one."""
    return [*_differing(before, after)]


def _differing(before: Kept, after: Kept) -> Iterator[Part]:
    if before.python != after.python:
        yield Part("Python", f"{before.python} -> {after.python}", lambda kept: replace(kept, python=after.python))
    if before.lock != after.lock:
        count = len(changed_packages(before.lock, after.lock))
        yield Part(PACKAGES, f"{count} of them", lambda kept: replace(kept, lock=after.lock))
    if (before.entry, before.code) != (after.entry, after.code):
        files = [*_changed(before.code, after.code)] or [after.entry]
        more = f" and {len(files) - _MOST_NAMES} more" if len(files) > _MOST_NAMES else ""
        words = f"{', '.join(files[:_MOST_NAMES])}{more}"
        yield Part("code", words, lambda kept: replace(kept, code=after.code, entry=after.entry))
    for name in _changed(before.models, after.models):
        change = f"{_version(before, name)} -> {_version(after, name)}"
        yield Part(f"model {name}", change, partial(_with_model, after, name))
    for name in _changed(before.settings, after.settings):
        states = ("set" if name in side.settings else "not set" for side in (before, after))
        change = "another value" if name in before.settings and name in after.settings else " -> ".join(states)
        yield Part(f"setting {name}", change, partial(_with_setting, after, name))


def package_part(before: Kept, after: Kept, names: frozenset[str]) -> Part:
    """The packages of these names as a part."""
    sides = [_versions(side.lock) for side in (before, after)]
    versions = [f"{name} {' -> '.join(side.get(name, 'none') for side in sides)}" for name in sorted(names)]
    word = "package" if len(names) == 1 else PACKAGES
    return Part(f"{word} {', '.join(sorted(names))}", ", ".join(versions), partial(_with_packages, after, names))


def mixed(before: Kept, parts: Mapping[str, Part], chosen: frozenset[str]) -> Kept:
    """The revision with the chosen parts of the other one."""
    return reduce(lambda kept, name: parts[name].exchange(kept), (name for name in parts if name in chosen), before)


def changed_packages(before: Lock, after: Lock) -> set[str]:
    """The names of the packages that are not the same."""
    change = nearest.change(nearest.packages(before), nearest.packages(after))
    return {*change.gone, *change.fresh}


def _with_model(after: Kept, name: str, kept: Kept) -> Kept:
    return replace(kept, models=_taken(kept.models, after.models, name))


def _with_setting(after: Kept, name: str, kept: Kept) -> Kept:
    return replace(kept, settings=_taken(kept.settings, after.settings, name))


def _with_packages(after: Kept, names: frozenset[str], kept: Kept) -> Kept:
    blocks, others = _blocks(kept.lock), _blocks(after.lock)
    for name in names:
        blocks = _taken(blocks, others, name)
    text = "".join(f"{blocks[name].rstrip()}\n" for name in sorted(blocks))
    return replace(kept, lock=replace(kept.lock, text=text))


def _blocks(lock: Lock) -> dict[str, str]:
    """The lock's lines for each package."""
    return {hashes.name(block): block for block in hashes.packages(lock.text)}


def _versions(lock: Lock) -> dict[str, str]:
    return {name: nearest.version(block) or "its address" for name, block in _blocks(lock).items()}


def _taken(values: Mapping[str, Value], others: Mapping[str, Value], name: str) -> dict[str, Value]:
    """The values, with the one of this name as the others have it."""
    rest = {key: value for key, value in values.items() if key != name}
    return {**rest, name: others[name]} if name in others else rest


def _changed(before: Mapping[str, Value], after: Mapping[str, Value]) -> list[str]:
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


def _version(kept: Kept, name: str) -> str:
    return kept.models[name].version if name in kept.models else "none"
