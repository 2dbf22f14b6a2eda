"""Makes one environment of the files that a user names."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from packaging.utils import canonicalize_name

from localmodel.environments.formats import conda, dockerfile, pyproject, requirements_txt, server_packages, uv_lock
from localmodel.environments.formats.definition import DEFAULT_PYTHON, Definition, check_python
from localmodel.errors import UserError
from localmodel.requirements import hashes
from localmodel.resource.spec import EnvironmentSpec

_WORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
# A list of requirements, one of them, or the environment of the store that was made of a file.
_PLACE = re.compile(
    r"(?P<list>spec\.environment\.requirements)(\[(?P<number>\d+)\])?|spec\.environment\.ref: environment [^\s:]+:\d+"
)


def define(
    packages: Path | None = None,
    recipe: Path | None = None,
    image: str | None = None,
    python: str | None = None,
    otherwise: str = DEFAULT_PYTHON,
) -> Definition:
    """The environment of the file `packages` on an image; either may be missing.

    `packages` is a file that read_packages() reads. The image is `image`, or built from the Dockerfile `recipe`. The
    Python is `python`, else what the files say, else `otherwise`. Packages of Azure ML's own server are left out.

    Raises:
        UserError: EnvironmentInvalid, with file and line.
    """
    base = _base(recipe, image, python)
    if packages is None:
        return base
    has_base = recipe is not None or image is not None
    definition = read_packages(packages, python, base.spec.python if has_base else otherwise)
    spec = replace(definition.spec, base_image=base.spec.base_image, dockerfile=base.spec.dockerfile)
    notes = definition.notes if definition.says_python else (*definition.notes, *base.notes)
    return replace(definition, spec=spec, notes=notes)


def read_packages(path: Path, python: str | None, otherwise: str) -> Definition:
    """Read a file with packages: pyproject.toml, uv.lock, a conda file (.yml, .yaml), otherwise a requirements file.

    The Python is `python`, else what a conda file says, else `otherwise`. Packages of Azure ML's own server are left
    out.

    Raises:
        UserError: EnvironmentInvalid, with file and line.
    """
    version = check_python(python or otherwise)
    if path.suffix in (".yml", ".yaml"):
        definition = conda.define(path)
        if python or not definition.says_python:
            definition = replace(definition, spec=replace(definition.spec, python=version))
    elif path.name == pyproject.NAME:
        definition = pyproject.define(path, version)
    elif path.name == uv_lock.NAME:
        definition = uv_lock.define(path, version)
    else:
        definition = requirements_txt.define(path, version)
    return server_packages.left_out(definition)


@contextlib.contextmanager
def told_of(source: Path | None) -> Iterator[None]:
    """Have errors of the block name lines of the user's file instead of a manifest's fields."""
    try:
        yield
    except UserError as error:
        if source is None or not _PLACE.search(str(error)):
            raise
        raise UserError(error.reason, in_words_of(source, str(error))) from None


def in_words_of(source: Path, text: str) -> str:
    """The text with lines of the file, or the file, in the place of a manifest's fields."""
    try:
        definition = define(source)
    except UserError:  # the file has changed since
        return _PLACE.sub(str(source), text)
    lines = [definition.places.get(requirement, str(source)) for requirement in definition.spec.requirements]
    words = {canonicalize_name(word) for word in _WORD.findall(_PLACE.sub("", text))}
    named = ", ".join(where for requirement, where in definition.places.items() if hashes.name(requirement) in words)

    def place(match: re.Match[str]) -> str:
        if number := match["number"]:
            return lines[int(number)] if int(number) < len(lines) else str(source)
        return named if named and match["list"] else str(source)

    return _PLACE.sub(place, text)


def _base(recipe: Path | None, image: str | None, python: str | None) -> Definition:
    if recipe is not None:
        return dockerfile.define(recipe, python)
    if image is not None:
        return dockerfile.image(image, python)
    return Definition(EnvironmentSpec(check_python(python or DEFAULT_PYTHON)))
