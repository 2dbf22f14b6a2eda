"""Leaves out the packages of Azure ML's own scoring server, which environments there contain."""

import re
from collections.abc import Iterable
from dataclasses import replace

from localmodel.environments.formats.definition import Definition

V1 = "azureml-defaults"
V2 = "azureml-inference-server-http"


def split(requirements: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The requirements without those packages, and the requirements of those packages."""
    kept: list[str] = []
    dropped: list[str] = []
    for requirement in requirements:
        (dropped if _name(requirement) in (V1, V2) else kept).append(requirement)
    return tuple(kept), tuple(dropped)


def left_out(definition: Definition) -> Definition:
    """The definition without those packages, with a note if it had any."""
    requirements, dropped = split(definition.spec.requirements)
    if not dropped:
        return definition
    note = f"{', '.join(dropped)}: left out, the server is not part of the script's environment"
    return replace(
        definition, spec=replace(definition.spec, requirements=requirements), notes=(*definition.notes, note)
    )


def _name(requirement: str) -> str:
    match = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", requirement)
    return re.sub(r"[-_.]+", "-", match[1]).lower() if match else ""
