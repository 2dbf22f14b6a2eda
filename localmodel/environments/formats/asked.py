"""The one check of everything that an environment asks for, wherever it comes from."""

from localmodel import reasons
from localmodel.environments.formats.definition import check_python
from localmodel.errors import UserError
from localmodel.requirements import requirement
from localmodel.requirements.faults import Faults
from localmodel.requirements.image_name import check_image
from localmodel.requirements.requirement import CheckedRequirement
from localmodel.resource.spec import EnvironmentSpec


def read(spec: EnvironmentSpec, where: str = "spec.environment") -> tuple[CheckedRequirement, ...]:
    """Check all that the environment asks for, and return its requirements.

    `where` names the environment in messages: a field, or the name of a stored environment.

    Raises:
        UserError: RequirementsUnresolvable, with the number of the requirement; EnvironmentInvalid, for anything else.
    """
    check_python(spec.python, f"{where}.python")
    check_image(spec.base_image, f"{where}.baseImage")
    return requirements(spec.requirements, f"{where}.requirements")


def requirements(given: tuple[str, ...], where: str) -> tuple[CheckedRequirement, ...]:
    """Check each requirement.

    Raises:
        UserError: RequirementsUnresolvable, with the number of each invalid one.
    """
    checked, faults = [], Faults()
    for index, text in enumerate(given):
        with faults.collected():
            checked.append(requirement.read(text, f"{where}[{index}]"))
    try:
        faults.tell()
    except UserError as error:
        raise UserError(reasons.REQUIREMENTS_UNRESOLVABLE, str(error)) from None
    return tuple(checked)
