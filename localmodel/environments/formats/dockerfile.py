"""Environments on an image of the user's, which is named by reference or built from a Dockerfile."""

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
    """The environment of a Dockerfile, which is given as its path or its text.

    `python` is the image's version (major.minor); None means that of its last `FROM python:...`, else 3.11.

    Raises:
        UserError: EnvironmentInvalid, with file and line.
    """
    return define(source, python).spec


def define(source: Path | str, python: str | None = None) -> Definition:
    """Like `read()`, with a note if the version of Python is a guess."""
    text, name, _ = text_of(source, "Dockerfile")
    bases = _check(text, name)
    return _of(EnvironmentSpec(dockerfile=text), bases[-1], python, name)


def image(reference: str, python: str | None = None) -> Definition:
    """The environment of an existing image, by reference. `python` is as in `read()`."""
    image_name.check_image(reference, "image")
    return _of(EnvironmentSpec(base_image=reference), reference, python, reference)


def _of(spec: EnvironmentSpec, base: str, python: str | None, where: str) -> Definition:
    python_image = _PYTHON_IMAGE.match(base)
    notes = []
    if python is None and python_image is None:
        notes.append(f"{where}: Python {DEFAULT_PYTHON} is expected in it; name another with --python")
    version = check_python(python or (python_image[1] if python_image else DEFAULT_PYTHON), where)
    return Definition(EnvironmentSpec(version, (), spec.base_image, spec.dockerfile), notes=tuple(notes))


def _check(text: str, name: str) -> list[str]:
    """Check the Dockerfile's lines; return the images in its FROM lines."""
    bases, faults = [], Faults()
    for number, line in logical_lines(text):
        with faults.collected():
            if match := _FROM.match(line.strip()):
                bases.append(match[1])
            _check_line(line.strip(), f"{name}:{number}")
    faults.tell()
    if not bases:
        raise invalid(name, "there is no FROM in it: not a Dockerfile")
    return bases


def _check_line(line: str, where: str) -> None:
    if _PASSWORD.search(line):
        raise invalid(where, "holds a password, which would stay in the image's history")
    if (match := _COPY.match(line)) and not _brings_no_file(match[2]):
        raise invalid(
            where,
            f"{match[1]}: an environment keeps the Dockerfile's text only, no files beside it. Install packages "
            "with RUN, and put code and data into the source directory or a model",
        )


def _brings_no_file(arguments: str) -> bool:
    return "--from=" in arguments or re.search(r"(^|\s)https?://", arguments) is not None
