"""Checks names of images."""

import re

from localmodel.requirements import sources
from localmodel.requirements.faults import invalid

# The syntax of registries and engines; crds/ has the same pattern.
_IMAGE = re.compile(
    r"[A-Za-z0-9]+([._-]+[A-Za-z0-9]+)*(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
    r"(:[A-Za-z0-9_][A-Za-z0-9._-]*)?(@[A-Za-z0-9]+:[0-9a-fA-F]{32,})?"
)


def check_image(reference: str | None, where: str) -> None:
    """Check the name of an image, if there is one.

    Raises:
        UserError: EnvironmentInvalid, if it is not a valid name.
    """
    if reference is not None and not is_image(reference):
        raise invalid(where, f"{sources.scrub(reference)!a} is not an image name, such as python:3.11-slim")


def is_image(reference: str) -> bool:
    """Whether it is a valid name of an image."""
    return _IMAGE.fullmatch(reference) is not None


def full(reference: str) -> str:
    """The name with its registry, which is docker.io if the name says none."""
    first, slash, _ = reference.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return reference
    return f"docker.io/{reference if slash else 'library/' + reference}"
