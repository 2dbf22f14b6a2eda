"""What an Azure ML file of any version asks for, before any other file is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localmodel.azureml_files.document import Node


@dataclass(frozen=True)
class At:
    """A text in the file with its place ("FILE:LINE: path"), for errors about what it names."""

    text: str
    where: str


def at(node: Node | None) -> At | None:
    return At(node.text, f"{node.place}: {node.path}") if node is not None else None


@dataclass(frozen=True)
class ModelFile:
    """A model that is not registered yet. `name` is None if the file has none."""

    path: At
    name: str | None = None
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class EnvironmentDraft:
    """An environment: a reference, or its parts.

    Paths are relative to the file's folder, or to the code's if `in_code`. `conda` is a path or the dependencies;
    `dockerfile` is a path, or the text if it has several lines.
    """

    reference: At | None = None
    image: At | None = None
    conda: At | Mapping[str, Any] | None = None
    conda_where: str = ""
    dockerfile: At | None = None
    in_code: bool = False


@dataclass(frozen=True)
class Draft:
    """What a file asks for. Paths are relative to the file's folder, `entry_script` to `code`.

    Without an `entry_script`, the script is generated from the model.

    `model` is a reference ("azureml:NAME:VERSION") or a file. `spec` has the fields of the manifest's spec that need
    no lookup.
    """

    name: At | None
    entry_script: At | None
    code: At | None
    environment: EnvironmentDraft
    model: At | ModelFile | None = None
    spec: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
