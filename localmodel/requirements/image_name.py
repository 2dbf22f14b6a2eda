"""Names of images, as registries and engines have them."""

import re

from localmodel.requirements import sources
from localmodel.requirements.faults import invalid

# An image's name as registries and engines have it; the same pattern is in crds/.
_IMAGE = re.compile(
    r"[A-Za-z0-9]+([._-]+[A-Za-z0-9]+)*(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
    r"(:[A-Za-z0-9_][A-Za-z0-9._-]*)?(@[A-Za-z0-9]+:[0-9a-fA-F]{32,})?"
)


def check_image(reference: str | None, where: str) -> None:
    """
    Raises:
        UserError: EnvironmentInvalid: it cannot be an image's name.
    """
    if reference is not None and not is_image(reference):
        raise invalid(where, f"{sources.scrub(reference)!a} is not an image name, such as python:3.11-slim")


def is_image(reference: str) -> bool:
    """Whether it can be an image's name."""
    return _IMAGE.fullmatch(reference) is not None
