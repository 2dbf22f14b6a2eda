"""What one of Azure ML's files asks for, whichever version it is of, before anything on disk has been looked at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localmodel.azureml_files.document import Node


@dataclass(frozen=True)
class At:
    """A text of the file, and where it stands ("FILE:LINE: path"), for errors about what it names."""

    text: str
    where: str


def at(node: Node | None) -> At | None:
    return At(node.text, f"{node.place}: {node.path}") if node is not None else None


@dataclass(frozen=True)
class ModelFile:
    """A model that is not registered yet. `name` is None when the file gives none."""

    path: At
    name: str | None = None
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class EnvironmentDraft:
    """An environment by reference, or what it is made of.

    Paths are relative to the file's folder, or with `in_code` to the code's. `conda` is a path, or the dependencies
    themselves; `dockerfile` a path, or its text if that has more lines.
    """

    reference: At | None = None
    image: At | None = None
    conda: At | Mapping[str, Any] | None = None
    conda_where: str = ""
    dockerfile: At | None = None
    in_code: bool = False


@dataclass(frozen=True)
class Draft:
    """Paths are relative to the file's folder, `entry_script` to `code`; see EnvironmentDraft.

    `model` is a reference ("azureml:NAME:VERSION"), or a file. `spec` has the fields of the manifest's spec that
    need nothing else, as the manifest has them.
    """

    name: At | None
    entry_script: At
    code: At | None
    environment: EnvironmentDraft
    model: At | ModelFile | None = None
    spec: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
