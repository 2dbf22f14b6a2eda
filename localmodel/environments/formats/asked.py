"""All that an environment asks for, checked in one place whichever door it came in by."""

from localmodel import reasons
from localmodel.environments.formats.definition import check_python
from localmodel.errors import UserError
from localmodel.requirements import requirement
from localmodel.requirements.faults import Faults
from localmodel.requirements.image_name import check_image
from localmodel.requirements.requirement import CheckedRequirement
from localmodel.resource.spec import EnvironmentSpec


def read(spec: EnvironmentSpec, where: str = "spec.environment") -> tuple[CheckedRequirement, ...]:
    """The environment's requirements, if all it asks for can be handed to the programs that make it.

    `where` is the environment, for messages: a field, or the name of a stored one.

    Raises:
        UserError: RequirementsUnresolvable, with the requirement's number; EnvironmentInvalid, for the rest.
    """
    check_python(spec.python, f"{where}.python")
    check_image(spec.base_image, f"{where}.baseImage")
    return requirements(spec.requirements, f"{where}.requirements")


def requirements(given: tuple[str, ...], where: str) -> tuple[CheckedRequirement, ...]:
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
        raise UserError(reasons.REQUIREMENTS_UNRESOLVABLE, str(error)) from None
    return tuple(found)
