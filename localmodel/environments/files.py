"""From the files that a user names to one environment."""

from dataclasses import replace
from pathlib import Path

from localmodel.environments import conda, dockerfile, requirements_txt, server_packages
from localmodel.environments.definition import DEFAULT_PYTHON, Definition, check_python
from localmodel.spec import EnvironmentSpec


def define(
    packages: Path | None = None,
    recipe: Path | None = None,
    image: str | None = None,
    python: str | None = None,
    otherwise: str = DEFAULT_PYTHON,
) -> Definition:
    """Packages (a conda file by its ending, .yml or .yaml, or a requirements file) on an image, or either of them.

    The image is named, or made by the Dockerfile `recipe`. The Python is `python`, or as the files have it, or
    `otherwise`. Packages of Azure ML's own server are left out.

    Raises:
        UserError: EnvironmentInvalid, with file and line.
    """
    base = _base(recipe, image, python)
    if packages is None:
        return base
    if packages.suffix in (".yml", ".yaml"):
        found = conda.define(packages)
        version = check_python(python) if python else found.spec.python
    else:
        has_base = recipe is not None or image is not None
        version = python or (base.spec.python if has_base else otherwise)
        found = Definition(requirements_txt.read(packages, version), notes=base.notes)
    spec = EnvironmentSpec(version, found.spec.requirements, base.spec.base_image, base.spec.dockerfile)
    return server_packages.left_out(replace(found, spec=spec))


def _base(recipe: Path | None, image: str | None, python: str | None) -> Definition:
    if recipe is not None:
        return dockerfile.define(recipe, python)
    if image is not None:
        return dockerfile.image(image, python)
    return Definition(EnvironmentSpec(check_python(python or DEFAULT_PYTHON)))
