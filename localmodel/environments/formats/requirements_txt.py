"""pip's requirements files, and the lists of their lines in conda's files."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from localmodel.environments.formats.definition import DEFAULT_PYTHON, Definition, check_python, logical_lines, text_of
from localmodel.requirements.faults import Faults, invalid
from localmodel.requirements.requirement import checked
from localmodel.resource.spec import EnvironmentSpec

_NESTED = re.compile(r"(?:-r|--requirement)(?:\s+|=|(?<=-r))(\S.*)")


def read(source: Path | str, python: str = DEFAULT_PYTHON) -> EnvironmentSpec:
    """The environment of a requirements file (a path, or the text itself) and of those it names.

    Raises:
        UserError: EnvironmentInvalid, with file and line.
    """
    return define(source, python).spec


def define(source: Path | str, python: str = DEFAULT_PYTHON) -> Definition:
    """As read(), with the places."""
    text, name, folder = text_of(source, "requirements")
    faults = Faults()
    found = expand(_located(text, name), folder, faults, (Path(name).resolve(),))
    faults.tell()
    spec = EnvironmentSpec(check_python(python), tuple(requirement for _, requirement in found))
    return Definition(spec, places={requirement: where for where, requirement in found})


def expand(
    located: Iterable[tuple[str, str]], folder: Path, faults: Faults, inside: tuple[Path, ...] = ()
) -> list[tuple[str, str]]:
    """The requirements of the lines and of the files that they name, below `folder`; each with its place.

    `inside` are the files that are being read.
    """
    found: list[tuple[str, str]] = []
    for where, line in located:
        with faults.collected():
            if nested := _NESTED.fullmatch(line):
                path = _file(nested[1].strip(), folder, where)
                if path.resolve() in inside:
                    raise invalid(where, f"{path} is inside itself")
                text, name, below = text_of(path, "requirements")
                found += expand(_located(text, name), below, faults, (*inside, path.resolve()))
            else:
                found.append((where, checked(line, where)))
    return found


def _file(name: str, folder: Path, where: str) -> Path:
    # conda takes the file's address, too
    name = re.sub(r"^file:(//(?=/))?", "", name)
    if "://" in name:
        raise invalid(where, f"{name}: only files of this machine can be named; download it first")
    path = folder / name
    if not path.is_file():
        raise invalid(where, f"there is no file {path}")
    return path


def _located(text: str, name: str) -> Iterator[tuple[str, str]]:
    """The lines that say something, without comments, each with its place."""
    for number, line in logical_lines(text):
        line = re.sub(r"(^|\s+)#.*$", "", line.replace("\t", " ")).strip()
        if line:
            yield f"{name}:{number}", line
