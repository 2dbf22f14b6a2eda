"""Environments whose base is an image of the user's: named by reference, or made by a Dockerfile."""

import re
from pathlib import Path

from localmodel.environments.formats.definition import DEFAULT_PYTHON, Definition, check_python, logical_lines, text_of
from localmodel.requirements import image_name
from localmodel.requirements.faults import Faults, invalid
from localmodel.resource.spec import EnvironmentSpec

_COPY = re.compile(r"(COPY|ADD)\s+(.*)", re.IGNORECASE)
_FROM = re.compile(r"FROM\s+(?:--\S+\s+)*(\S+)", re.IGNORECASE)
_PASSWORD = re.compile(r"://[^/\s@:]+:[^/\s@]+@")
_PYTHON_IMAGE = re.compile(r"(?:.*/)?python:(\d+\.\d+)")


def read(source: Path | str, python: str | None = None) -> EnvironmentSpec:
    """The environment of a Dockerfile: its path, or its text.

    `python` is the version that the image has (major.minor); None: as its last FROM python:... says, or 3.11.

    Raises:
        UserError: EnvironmentInvalid, with file and line.
    """
    return define(source, python).spec


def define(source: Path | str, python: str | None = None) -> Definition:
    """As read(), with a note where the version of Python is a guess."""
    text, name, _ = text_of(source, "Dockerfile")
    bases = _check(text, name)
    return _of(EnvironmentSpec(dockerfile=text), bases[-1], python, name)


def image(reference: str, python: str | None = None) -> Definition:
    """The environment of an image that exists, by reference. `python` as for read()."""
    image_name.check_image(reference, "image")
    return _of(EnvironmentSpec(base_image=reference), reference, python, reference)


def _of(spec: EnvironmentSpec, base: str, python: str | None, where: str) -> Definition:
    known = _PYTHON_IMAGE.match(base)
    notes = []
    if python is None and known is None:
        notes.append(f"{where}: Python {DEFAULT_PYTHON} is expected in it; name another with --python")
    version = check_python(python or (known[1] if known else DEFAULT_PYTHON), where)
    return Definition(EnvironmentSpec(version, (), spec.base_image, spec.dockerfile), notes=tuple(notes))


def _check(text: str, name: str) -> list[str]:
    """The images that it starts from."""
    bases, faults = [], Faults()
    for number, line in logical_lines(text):
        with faults.collected():
            if found := _FROM.match(line.strip()):
                bases.append(found[1])
            _check_line(line.strip(), f"{name}:{number}")
    faults.tell()
    if not bases:
        raise invalid(name, "there is no FROM in it: not a Dockerfile")
    return bases


def _check_line(line: str, where: str) -> None:
    if _PASSWORD.search(line):
        raise invalid(where, "holds a password, which would stay in the image's history")
    if (found := _COPY.match(line)) and not _brings_no_file(found[2]):
        raise invalid(
            where,
            f"{found[1]}: an environment keeps the Dockerfile's text only, no files beside it. Install packages "
            "with RUN, and put code and data into the source directory or a model",
        )


def _brings_no_file(arguments: str) -> bool:
    return "--from=" in arguments or re.search(r"(^|\s)https?://", arguments) is not None
