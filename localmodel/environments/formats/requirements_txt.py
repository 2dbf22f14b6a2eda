"""Reads pip's requirements files, and their lines in conda's files."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from localmodel.environments.formats.definition import (
    DEFAULT_PYTHON,
    Definition,
    check_inside,
    check_python,
    logical_lines,
    text_of,
)
from localmodel.requirements.faults import Faults, invalid
from localmodel.requirements.requirement import checked
from localmodel.resource.spec import EnvironmentSpec

_NESTED = re.compile(r"(?:-r|--requirement)(?:\s+|=|(?<=-r))(\S.*)")


def read(source: Path | str, python: str = DEFAULT_PYTHON) -> EnvironmentSpec:
    """The environment of a requirements file (its path or its text) and of the files that it names.

    Raises:
        UserError: EnvironmentInvalid, with file and line.
    """
    return define(source, python).spec


def define(source: Path | str, python: str = DEFAULT_PYTHON) -> Definition:
    """Like `read()`, with the place of each requirement."""
    text, name, folder = text_of(source, "requirements")
    faults = Faults()
    requirements = expand(_located(text, name), folder, faults, (Path(name).resolve(),))
    faults.tell()
    spec = EnvironmentSpec(check_python(python), tuple(requirement for _, requirement in requirements))
    return Definition(spec, places={requirement: where for where, requirement in requirements})


def expand(
    located: Iterable[tuple[str, str]], folder: Path, faults: Faults, inside: tuple[Path, ...] = ()
) -> list[tuple[str, str]]:
    """The requirements in the lines, and in the files that they name below `folder`; each with its place.

    `inside` are the files that are being read, to find a circle.
    """
    requirements: list[tuple[str, str]] = []
    for where, line in located:
        with faults.collected():
            if nested := _NESTED.fullmatch(line):
                path = _file(nested[1].strip(), folder, where)
                if path.resolve() in inside:
                    raise invalid(where, f"{path} is inside itself")
                text, name, below = text_of(path, "requirements")
                requirements += expand(_located(text, name), below, faults, (*inside, path.resolve()))
            else:
                requirements.append((where, checked(line, where)))
    return requirements


def _file(name: str, folder: Path, where: str) -> Path:
    # conda accepts an address of the file, too
    name = re.sub(r"^file:(//(?=/))?", "", name)
    if "://" in name:
        raise invalid(where, f"{name}: only files of this machine can be named; download it first")
    path = folder / name
    check_inside(path, where)
    if not path.is_file():
        raise invalid(where, f"there is no file {path}")
    return path


def _located(text: str, name: str) -> Iterator[tuple[str, str]]:
    """The lines that are not empty, without comments, each with its place."""
    for number, line in logical_lines(text):
        line = re.sub(r"(^|\s+)#.*$", "", line.replace("\t", " ")).strip()
        if line:
            yield f"{name}:{number}", line
