"""Chooses the existing environment that a new one is best made from, by what their locks have in common."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from localmodel import digests
from localmodel.environments.locks.lock import Lock
from localmodel.requirements import hashes

T = TypeVar("T")

Packages = Mapping[str, str]


@dataclass(frozen=True)
class Change:
    """The change from one environment to another, by package name. A changed package is in both `gone` and `fresh`."""

    kept: frozenset[str]
    gone: frozenset[str]
    fresh: frozenset[str]


def packages(lock: Lock) -> dict[str, str]:
    """The lock's packages, name -> version and a digest of their entry, which is equal only for the same files."""
    return {hashes.name(block): f"{version(block)} {_digest(block)}" for block in hashes.packages(lock.text)}


def version(block: str) -> str:
    """The version that a package of a lock is pinned to; "" for an address."""
    return re.split(r"[\s;\\]", block.partition("==")[2], maxsplit=1)[0] if "==" in block.split("\n")[0] else ""


def text(lock: Lock, names: frozenset[str]) -> str:
    """The lock's entries for these packages."""
    return "".join(block for block in hashes.packages(lock.text) if hashes.name(block) in names)


def change(have: Packages, wanted: Packages) -> Change:
    kept = frozenset(name for name, what in wanted.items() if have.get(name) == what)
    return Change(kept, frozenset(have) - kept, frozenset(wanted) - kept)


def most_in_common(candidates: Mapping[T, Packages], wanted: Packages) -> T | None:
    """The candidate with the most wanted packages; None if none has any."""
    kept = {candidate: len(change(have, wanted).kept) for candidate, have in candidates.items()}
    best = max(kept, key=lambda candidate: kept[candidate], default=None)
    return best if best is not None and kept[best] else None


def _digest(block: str) -> str:
    return digests.of_bytes(" ".join(block.replace("\\", " ").split()).encode()).removeprefix("sha256:")[:16]
