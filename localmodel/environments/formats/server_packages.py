"""The packages of Azure ML's own scoring server: part of an environment there, of nobody's environment here."""

import re
from collections.abc import Iterable
from dataclasses import replace

from localmodel.environments.formats.definition import Definition

V1 = "azureml-defaults"
V2 = "azureml-inference-server-http"


def split(requirements: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The requirements without those packages, and those packages' own."""
    kept: list[str] = []
    dropped: list[str] = []
    for requirement in requirements:
        (dropped if _name(requirement) in (V1, V2) else kept).append(requirement)
    return tuple(kept), tuple(dropped)


def left_out(found: Definition) -> Definition:
    """The definition without them, and a note if it had any."""
    requirements, dropped = split(found.spec.requirements)
    if not dropped:
        return found
    note = f"{', '.join(dropped)}: left out, the server is not part of the script's environment"
    return replace(found, spec=replace(found.spec, requirements=requirements), notes=(*found.notes, note))


def _name(requirement: str) -> str:
    found = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", requirement)
    return re.sub(r"[-_.]+", "-", found[1]).lower() if found else ""
