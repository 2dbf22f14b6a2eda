"""Reads uv's lock of a project: the versions of all its packages, without development groups."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from localmodel import run_coroutine
from localmodel.environments.formats import pyproject
from localmodel.environments.formats.definition import DEFAULT_PYTHON, Definition, check_python, text_of
from localmodel.environments.locks.uv import run_uv
from localmodel.requirements import hashes
from localmodel.requirements.faults import Faults, invalid
from localmodel.requirements.requirement import checked
from localmodel.resource.spec import EnvironmentSpec

NAME = "uv.lock"
# Keys of a dependency from the package index
_OF_AN_INDEX = {"name", "specifier", "marker", "extras"}
_EXPORT = ("export", "--frozen", "--no-dev", "--no-emit-project", "--no-hashes", "--no-header", "--no-annotate")


def define(path: Path, python: str = DEFAULT_PYTHON) -> Definition:
    """The environment of the locked versions; the pyproject.toml is beside the lock.

    Raises:
        UserError: EnvironmentInvalid, if the lock cannot be read, or does not fit the project any more.
    """
    text, name, folder = text_of(path, NAME)
    content = parse(text, name)
    if (folder / pyproject.NAME).is_file():
        check_fits(pyproject.read(folder / pyproject.NAME), content, name)
    code, exported, err = run_coroutine.run(run_uv([*_EXPORT, "--project", str(folder.absolute())]))
    if code != 0:
        raise invalid(name, f"uv cannot read it: {' '.join(err.split()).removeprefix('error: ')}")
    requirements, faults = list[str](), Faults()
    for line in exported.splitlines():
        with faults.collected():
            requirements.append(checked(line, name))
    faults.tell()
    places = dict.fromkeys(requirements, name)
    return Definition(EnvironmentSpec(check_python(python), tuple(requirements)), places=places)


def parse(text: str, name: str = NAME) -> Mapping[str, Any]:
    """Parse the text of a lock.

    Raises:
        UserError: EnvironmentInvalid, with the file.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise invalid(name, f"not TOML: {error}") from None


def check_fits(project: pyproject.Project, lock: Mapping[str, Any], name: str) -> None:
    """Check that the project was not edited after it was locked.

    Raises:
        UserError: EnvironmentInvalid.
    """
    package = _package(lock, canonicalize_name(str(project.table.get("name", ""))))
    if package is None or "dependencies" not in project.table:  # which its build may know
        return
    asked = dict[str, set[SpecifierSet]]()
    for text in project.dependencies():
        requirement = Requirement(hashes.split(text)[0])
        asked.setdefault(canonicalize_name(requirement.name), set()).add(requirement.specifier)
    locked = _locked(package)
    names = asked.keys() | locked.keys()
    differing = [name for name in sorted(names) if locked.get(name, set()) not in (None, asked.get(name))]
    if differing:
        raise invalid(name, f"{project.name} asks for something else by now ({', '.join(differing)}); run uv lock")


def _package(lock: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    packages = lock.get("package")
    entries = packages if isinstance(packages, list) else []
    return next((package for package in entries if package.get("name") == name), None)


def _locked(package: Mapping[str, Any]) -> dict[str, set[SpecifierSet] | None]:
    """The versions that the package asked for when it was locked, by name; None if it came from no index."""
    locked = dict[str, set[SpecifierSet] | None]()
    for entry in package.get("metadata", {}).get("requires-dist", ()):
        if "extra ==" not in entry.get("marker", ""):
            specifiers = locked.setdefault(entry["name"], set())
            if specifiers is None or entry.keys() - _OF_AN_INDEX:
                locked[entry["name"]] = None
            else:
                specifiers.add(SpecifierSet(entry.get("specifier", "")))
    return locked
