"""The packages that differ between two environments, in groups that can be exchanged without breaking a requirement."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name


@dataclass(frozen=True)
class Package:
    """A version of a package, and what it requires."""

    version: str
    requires: tuple[str, ...] = ()


def installed(python: Path) -> dict[str, Package]:
    """The packages of a virtual environment, by normalized name."""
    folders = [str(path) for path in (python.parent.parent / "lib").glob("python*/site-packages")]
    return {
        canonicalize_name(found.name): Package(found.version, tuple(found.requires or ()))
        for found in distributions(path=folders)
        if found.name  # a damaged one has none
    }


def closed_groups(
    changed: set[str], before: Mapping[str, Package], after: Mapping[str, Package], pythons: tuple[str, str]
) -> list[frozenset[str]]:
    """The changed packages in groups: with any of the groups exchanged, each package has what it requires.

    Two packages belong together if one of them does not accept the other's version of the other side. `pythons` are the
    versions of both sides, such as "3.11": some packages are required by some of them only.
    """
    group = {name: {name} for name in changed}
    for own, other, python in ((before, after, pythons[0]), (after, before, pythons[1])):
        for name in changed & own.keys():
            for needed in changed & {*_refused(own[name], other, python)}:
                if group[needed] is not group[name]:
                    group[name] |= group[needed]
                    for member in group[needed]:
                        group[member] = group[name]
    return sorted({frozenset(names) for names in group.values()}, key=sorted)


def _refused(package: Package, other: Mapping[str, Package], python: str) -> list[str]:
    """The packages that it requires, and the other side does not have, or has in a version that is not accepted."""
    refused: list[str] = []
    its_own = {"extra": "", "python_version": python, "python_full_version": f"{python}.0"}
    for text in package.requires:
        try:
            needed = Requirement(text)
        except InvalidRequirement:
            continue
        name = canonicalize_name(needed.name)
        if needed.marker is not None and not needed.marker.evaluate(its_own):
            continue
        if name not in other or not needed.specifier.contains(other[name].version, prereleases=True):
            refused.append(name)
    return refused
