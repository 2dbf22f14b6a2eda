"""pip's requirements files, and the lists of their lines in conda's files."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from localmodel.environments.definition import DEFAULT_PYTHON, check_python, invalid, logical_lines, text_of
from localmodel.environments.requirement import checked
from localmodel.spec import EnvironmentSpec

_NESTED = re.compile(r"(-r|--requirement|-c|--constraint)(?:\s+|=|(?<=-[rc]))(\S.*)")


@dataclass
class Lines:
    """What the lines of a file and of the files it names come to."""

    requirements: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)


def read(source: Path | str, python: str = DEFAULT_PYTHON) -> EnvironmentSpec:
    """The environment of a requirements file (a path, or the text itself) and of those it names.

    Raises:
        UserError: EnvironmentInvalid, with file and line.
    """
    text, name, folder = text_of(source, "requirements")
    found = Lines()
    add(_located(text, name), folder, found, (Path(name).resolve(),))
    return EnvironmentSpec(check_python(python), tuple(found.requirements), constraints=tuple(found.constraints))


def add(located: Iterable[tuple[str, str]], folder: Path, found: Lines, inside: tuple[Path, ...] = ()) -> None:
    """Add what the lines say, each with its place; `folder` is where the names of other files start.

    `inside` are the files that are being read.
    """
    for where, line in located:
        nested = _NESTED.fullmatch(line)
        if not nested:
            found.requirements.append(checked(line, where))
            continue
        path = _file(nested[2].strip(), folder, where)
        if path.resolve() in inside:
            raise invalid(where, f"{path} is inside itself")
        text, name, below = text_of(path, "requirements")
        inner = Lines()
        add(_located(text, name), below, inner, (*inside, path.resolve()))
        # whatever a constraints file names, directly or not, constrains and installs nothing
        constrains = nested[1] in ("-c", "--constraint")
        (found.constraints if constrains else found.requirements).extend(inner.requirements)
        found.constraints += inner.constraints


def _file(name: str, folder: Path, where: str) -> Path:
    if "://" in name:
        raise invalid(where, f"{name}: only files of this machine can be named; download it first")
    path = folder / name
    if not path.is_file():
        raise invalid(where, f"there is no file {path}")
    return path


def _located(text: str, name: str) -> Iterator[tuple[str, str]]:
    """The lines that say something, without comments, each with its place."""
    for number, line in logical_lines(text):
        line = re.sub(r"(^|\s+)#.*$", "", line).strip()
        if line:
            yield f"{name}:{number}", line
