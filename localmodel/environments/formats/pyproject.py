"""Reads a project's pyproject.toml (PEP 621): its dependencies and its Pythons."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from localmodel.environments.formats.definition import (
    DEFAULT_PYTHON,
    Definition,
    check_python,
    pythons,
    supports,
    text_of,
)
from localmodel.requirements.faults import Faults, invalid
from localmodel.requirements.requirement import checked
from localmodel.resource.spec import EnvironmentSpec

NAME = "pyproject.toml"


@dataclass(frozen=True)
class Project:
    """The text of a pyproject.toml with its table `[project]`; `name` is the file's, for messages."""

    name: str
    text: str
    table: Mapping[str, Any]
    is_poetry: bool

    @property
    def says_packages(self) -> bool:
        """Whether it defines the packages, here or in other files."""
        return bool(self.table.get("dependencies")) or self._is_dynamic or self.is_poetry

    @property
    def _is_dynamic(self) -> bool:
        dynamic = self.table.get("dynamic")
        return isinstance(dynamic, list) and "dependencies" in dynamic

    def dependencies(self) -> dict[str, str]:
        """The dependencies, each with its place.

        Raises:
            UserError: EnvironmentInvalid, with file and line.
        """
        if self._is_dynamic:
            raise invalid(
                self._place("dynamic"),
                "the project's dependencies are dynamic: only its build knows them. Write them into requirements.txt, "
                "or lock them with uv lock",
            )
        if self.is_poetry:
            raise invalid(
                self._place("[tool.poetry.dependencies]"),
                "only the dependencies of [project] are read; write requirements.txt with poetry export",
            )
        places, faults = dict[str, str](), Faults()
        dependencies = self.table.get("dependencies", [])
        if not isinstance(dependencies, list) or not all(isinstance(text, str) for text in dependencies):
            raise invalid(self._place("dependencies"), "project.dependencies is not a list of texts")
        for text in dependencies:
            with faults.collected():
                where = self._place(text)
                places[checked(text, where)] = where
        faults.tell()
        return places

    def python(self, preferred: str) -> str:
        """The Python for `requires-python` ("" without it): `preferred` if it fits, else the newest supported one.

        Raises:
            UserError: EnvironmentInvalid, if no supported one fits.
        """
        wanted = self.table.get("requires-python")
        if wanted is None:
            return ""
        where = self._place("requires-python")
        try:
            fitting = [
                version for version in (preferred, *reversed(pythons())) if supports(version, SpecifierSet(wanted))
            ]
        except (InvalidSpecifier, TypeError, AttributeError):
            raise invalid(
                where, f"requires-python: {wanted!r} is not a valid version specifier, such as >=3.11"
            ) from None
        if not fitting:
            raise invalid(
                where, f"requires-python: none of the supported Pythons ({', '.join(pythons())}) fits {wanted}"
            )
        return fitting[0]

    def _place(self, text: str) -> str:
        lines = self.text.splitlines()
        return next((f"{self.name}:{number}" for number, line in enumerate(lines, 1) if text in line), self.name)


def parse(text: str, name: str = NAME) -> Project:
    """Parse the text of a pyproject.toml, which is called `name` in messages.

    Raises:
        UserError: EnvironmentInvalid, with the file.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise invalid(name, f"not TOML: {error}") from None
    table = content.get("project", {})
    if not isinstance(table, dict):
        raise invalid(name, "project is not a table")
    poetry = "[tool.poetry.dependencies]" in text and not table.get("dependencies")
    return Project(name, text, table, is_poetry=poetry)


def read(path: Path) -> Project:
    """The project of a file. Raises the errors of `parse()`."""
    text, name, _ = text_of(path, NAME)
    return parse(text, name)


def define(path: Path, python: str = DEFAULT_PYTHON) -> Definition:
    """The environment of the project's dependencies, without its extras and groups, with their places."""
    places = read(path).dependencies()
    return Definition(EnvironmentSpec(check_python(python), tuple(places)), places=places)
