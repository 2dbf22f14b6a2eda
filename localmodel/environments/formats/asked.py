"""All that an environment asks for, checked in one place whichever door it came in by."""

import re

from localmodel.environments.formats.definition import check_python, invalid
from localmodel.errors import UserError
from localmodel.requirements import requirement, sources
from localmodel.requirements.faults import Faults
from localmodel.requirements.requirement import Wanted
from localmodel.resource.spec import EnvironmentSpec

# An image's name as registries and engines have it; the same pattern is in crds/.
_IMAGE = re.compile(
    r"[A-Za-z0-9]+([._-]+[A-Za-z0-9]+)*(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
    r"(:[A-Za-z0-9_][A-Za-z0-9._-]*)?(@[A-Za-z0-9]+:[0-9a-fA-F]{32,})?"
)


def read(spec: EnvironmentSpec, where: str = "spec.environment") -> tuple[Wanted, ...]:
    """The environment's requirements, if all it asks for can be handed to the programs that make it.

    `where` is the environment, for messages: a field, or the name of a stored one.

    Raises:
        UserError: RequirementsUnresolvable, with the requirement's number; EnvironmentInvalid, for the rest.
    """
    check_python(spec.python, f"{where}.python")
    check_image(spec.base_image, f"{where}.baseImage")
    return requirements(spec.requirements, f"{where}.requirements")


def requirements(given: tuple[str, ...], where: str) -> tuple[Wanted, ...]:
    """
    Raises:
        UserError: RequirementsUnresolvable, with the number of each that is none.
    """
    found, faults = [], Faults()
    for index, text in enumerate(given):
        with faults.collected():
            found.append(requirement.read(text, f"{where}[{index}]"))
    try:
        faults.tell()
    except UserError as error:
        raise UserError("RequirementsUnresolvable", str(error)) from None
    return tuple(found)


def check_image(reference: str | None, where: str) -> None:
    """
    Raises:
        UserError: EnvironmentInvalid: it cannot be an image's name.
    """
    if reference is not None and not is_image(reference):
        raise invalid(where, f"{sources.scrub(reference)!a} is no image's name, such as python:3.11-slim")


def is_image(reference: str) -> bool:
    """Whether it can be an image's name."""
    return _IMAGE.fullmatch(reference) is not None
